//! Durations of the steps of a run, for `--timings`: elapsed and CPU time.
//!
//! The state is global to the process, like a log: the code that ends a step reports it. No clock
//! is read without `--timings`.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

static STEPS: Mutex<Option<Steps>> = Mutex::new(None);

/// Maximum number of eBPF programs that are listed by name.
const DEAREST: usize = 5;

/// Elapsed time, and CPU time of all threads of this process.
#[derive(Clone, Copy, Debug, Default)]
struct Took {
    elapsed: Duration,
    cpu: Duration,
}

impl Took {
    /// Both clocks, each since its own start.
    fn now() -> Self {
        let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
        Self {
            elapsed: read(ClockId::Monotonic),
            cpu: read(ClockId::ProcessCPUTime),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            elapsed: self.elapsed + other.elapsed,
            cpu: self.cpu + other.cpu,
        }
    }

    fn less(self, other: Self) -> Self {
        Self {
            elapsed: self.elapsed.saturating_sub(other.elapsed),
            cpu: self.cpu.saturating_sub(other.cpu),
        }
    }
}

#[derive(Debug, Default)]
struct Steps {
    ended: Took,
    /// Time that programs took since then.
    aside: Took,
    done: Vec<(String, Took)>,
    programs: Vec<(String, Took)>,
}

/// Starts the measurement.
pub fn begin() {
    let now = Took::now();
    // The elapsed time of the program's start is not known; its CPU time is close to it.
    let before = Took {
        elapsed: now.cpu,
        cpu: now.cpu,
    };
    with(|steps| {
        *steps = Some(Steps {
            ended: now,
            done: vec![("program started".to_owned(), before)],
            ..Steps::default()
        });
    });
}

/// Ends a step, which started at the end of the step before. Only the first of repeated steps
/// counts: the others are part of the next step.
pub fn step(name: &str) {
    with(|steps| {
        let Some(steps) = steps else { return };
        if steps.done.iter().any(|(done, _)| done == name) {
            return;
        }
        let now = Took::now();
        let took = now.less(steps.ended).less(steps.aside);
        steps.done.push((name.to_owned(), took));
        (steps.ended, steps.aside) = (now, Took::default());
    });
}

/// Loads an eBPF program, and counts the time as a step of its own within the current one.
pub fn program<T>(name: &str, load: impl FnOnce() -> T) -> T {
    let begin = with(|steps| steps.is_some().then(Took::now));
    let loaded = load();
    if let Some(begin) = begin {
        let took = Took::now().less(begin);
        with(|steps| {
            let Some(steps) = steps else { return };
            steps.aside = steps.aside.plus(took);
            steps.programs.push((name.to_owned(), took));
        });
    }
    loaded
}

/// The duration of each step, a line each; `None` without `--timings`.
#[must_use]
pub fn table() -> Option<String> {
    step("the rest");
    with(|steps| steps.as_ref().map(Steps::table))
}

fn with<T>(act: impl FnOnce(&mut Option<Steps>) -> T) -> T {
    // A panic in another thread can only have left out a step.
    act(&mut STEPS.lock().unwrap_or_else(|error| error.into_inner()))
}

impl Steps {
    fn table(&self) -> String {
        let sum = |all: &[(String, Took)]| {
            let took = all.iter().map(|(_, took)| *took);
            took.fold(Took::default(), Took::plus)
        };
        let of_programs = sum(&self.programs);
        let mut text = format!("{:>10} {:>10}  step\n", "CPU ms", "elapsed");
        let mut line = |took: Took, name: &str| {
            let ms = |time: Duration| time.as_secs_f64() * 1e3;
            let (cpu, elapsed) = (ms(took.cpu), ms(took.elapsed));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{cpu:>10.1} {elapsed:>10.1}  {name}");
        };
        for (name, took) in &self.done {
            line(*took, name);
        }
        if !self.programs.is_empty() {
            let count = self.programs.len();
            line(of_programs, &format!("{count} programs verified; of them"));
        }
        let mut dearest: Vec<_> = self.programs.iter().collect();
        dearest.sort_by_key(|(_, took)| std::cmp::Reverse(took.cpu));
        for (name, took) in dearest.into_iter().take(DEAREST) {
            line(*took, &format!("  {name}"));
        }
        line(sum(&self.done).plus(of_programs), "in all");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_ms(elapsed: u64, cpu: u64) -> Took {
        Took {
            elapsed: Duration::from_millis(elapsed),
            cpu: Duration::from_millis(cpu),
        }
    }

    #[test]
    fn steps_and_programs_add_up() {
        let steps = Steps {
            done: vec![
                ("types (BTF)".to_owned(), of_ms(9, 8)),
                ("leaving".to_owned(), of_ms(100, 1)),
            ],
            programs: vec![
                ("cheap".to_owned(), of_ms(1, 1)),
                ("dear".to_owned(), of_ms(7, 6)),
            ],
            ..Steps::default()
        };
        let table = steps.table();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<_> = table.lines().map(words).collect();
        assert_eq!(
            lines,
            [
                "CPU ms elapsed step",
                "8.0 9.0 types (BTF)",
                "1.0 100.0 leaving",
                "7.0 8.0 2 programs verified; of them",
                "6.0 7.0 dear",
                "1.0 1.0 cheap",
                "16.0 117.0 in all",
            ]
        );
    }
}
