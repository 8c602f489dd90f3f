//! Where the time of a run goes, for `--timings`: what each step took, by the clock and of the CPU.
//!
//! Like a log it is the process's own: whoever comes to the end of a step says so. No clock is read
//! unless it was asked for.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

static STEPS: Mutex<Option<Steps>> = Mutex::new(None);

/// Programs of the kernel side that are listed by name.
const DEAREST: usize = 5;

/// Time by the clock, and that of all CPUs that this process had.
#[derive(Clone, Copy, Debug, Default)]
struct Took {
    elapsed: Duration,
    cpu: Duration,
}

impl Took {
    /// Since some time in the past.
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
    /// When the last step ended.
    ended: Took,
    /// What programs took since.
    aside: Took,
    done: Vec<(String, Took)>,
    programs: Vec<(String, Took)>,
}

/// Begins to take the time.
pub fn begin() {
    let now = Took::now();
    // Until here all was CPU time.
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

/// Says that a step has ended, which began with the end of the one before. Of steps that are
/// repeated, the first counts: the others are part of what comes next.
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

/// Has the kernel take a program, which is a step of its own within the one that goes on.
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

/// What each step took, a line each; `None` if that was not asked for.
#[must_use]
pub fn table() -> Option<String> {
    step("the rest");
    with(|steps| steps.as_ref().map(Steps::table))
}

fn with<T>(act: impl FnOnce(&mut Option<Steps>) -> T) -> T {
    // Who panicked meanwhile left at most a step out.
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
