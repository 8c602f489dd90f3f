//! Reasons why a holder that is ready to run does not release: runnable is not running.

use super::stable::{Same, Stability};
use super::verdict::Cause;
use super::words;
use crate::sample::waits::{Run, Task, TaskScan};

/// The cause and the reason for the task with index `at`, which is ready to run.
pub(super) fn why(look: &TaskScan, stability: &Stability, at: usize, run: &Run) -> (Cause, String) {
    let cpu = run.cpu;
    let stayed = |at: usize| stability.tasks.get(at) == Some(&Same::Yes);
    if let Some(cgroup) = &run.throttled_by {
        let cgroup = cgroup.display();
        let why = format!("its holder is throttled: {cgroup} has used up its cpu.max");
        return (Cause::Slow, why);
    }
    if run.on_cpu && stayed(at) {
        let why = format!("its holder spins: it did not leave CPU {cpu} between the looks");
        return (Cause::StuckHolder, why);
    }
    if run.on_cpu {
        return (Cause::Slow, "its holder runs".to_owned());
    }
    let behind = run.behind.map(|behind| behind as usize);
    let Some((place, other)) = behind.and_then(|at| Some((at, look.tasks.get(at)?))) else {
        let why = format!("its holder is ready to run, and gets CPU {cpu} next");
        return (Cause::Slow, why);
    };
    let is_kept_off = stayed(at) && stability.are_kept_off.get(at) == Some(&true);
    match (is_kept_off, other.real_time) {
        (true, Some(priority)) if stayed(place) => {
            let why = format!(
                "its holder is ready to run, but CPU {cpu} has {}, a real-time task{}, which did \
                 not leave it between the looks",
                words::task(other),
                of_priority(priority)
            );
            (Cause::StuckHolder, why)
        }
        (true, _) => {
            let why = format!(
                "its holder is ready to run, but CPU {cpu} has {}{}",
                words::task(other),
                class(other)
            );
            (Cause::Slow, why)
        }
        (false, _) => (Cause::Slow, "its holder ran between the looks".to_owned()),
    }
}

fn class(task: &Task) -> String {
    let real_time = |priority| format!(", a real-time task{}", of_priority(priority));
    task.real_time.map_or_else(String::new, real_time)
}

fn of_priority(priority: u32) -> String {
    match priority {
        100.. => " with deadlines".to_owned(),
        priority => format!(" of priority {priority}"),
    }
}
