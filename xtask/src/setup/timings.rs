//! Times and downloads of the steps of a set-up.

use std::time::{Duration, Instant};

/// A row of the table.
struct Step {
    name: String,
    /// Size of its download; `None` if that is unknown or there was none.
    bytes: Option<u64>,
    took: Duration,
}

/// The steps so far.
#[derive(Default)]
pub struct Timings {
    steps: Vec<Step>,
}

impl Timings {
    /// Runs a step and notes how long it took.
    pub fn step<T>(
        &mut self,
        name: impl Into<String>,
        bytes: Option<u64>,
        work: impl FnOnce() -> T,
    ) -> T {
        let start = Instant::now();
        let result = work();
        self.steps.push(Step {
            name: name.into(),
            bytes,
            took: start.elapsed(),
        });
        result
    }

    /// A line for each step, and the sum.
    pub fn table(&self) -> String {
        let line = |name: &str, bytes: Option<u64>, took: Duration| {
            let megabytes = match bytes {
                Some(bytes) => format!("{:.1} MB", bytes as f64 / 1e6),
                None => String::new(),
            };
            format!("{name:<44} {megabytes:>9} {:>7.1} s\n", took.as_secs_f64())
        };
        let steps = self.steps.iter();
        let mut text: String = steps
            .map(|step| line(&step.name, step.bytes, step.took))
            .collect();
        let bytes = self.steps.iter().filter_map(|step| step.bytes).sum();
        let took = self.steps.iter().map(|step| step.took).sum();
        text += &line("all", Some(bytes), took);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_step() {
        let mut timings = Timings::default();
        assert_eq!(timings.step("fetch", Some(2_000_000), || 7), 7);
        timings.step("build", None, || ());
        let table = timings.table();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("fetch ") && lines[0].contains("2.0 MB"));
        assert!(!lines[1].contains("MB") && lines[2].contains("2.0 MB"));
    }
}
