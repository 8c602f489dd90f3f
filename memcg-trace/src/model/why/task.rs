//! The timeline of a task: what it is in, and the chain to the root.

use super::answer::{State, Step, What, Why};
use super::chain;
use crate::deadlock::{Start, words};
use crate::model::snapshot::Snapshot;
use crate::sample::removals::RemovalStep;
use crate::sample::sanitized;
use crate::sample::waits::{Task, TaskScan};

/// Bound on the threads of a process that are told.
const MAX_THREADS: usize = 16;

/// Returns the timeline of a process or thread; `None` if the last answer does not have it.
#[must_use]
pub fn of_task(snapshot: &Snapshot, pid: u32) -> Option<Why> {
    let judged = snapshot.judged.as_deref()?;
    let waits = &*judged.answer;
    let look = waits.looks.first()?;
    let all = || look.tasks.iter().zip(0..);
    // The thread itself, then the others of its process that wait.
    let itself = all().filter(|(task, _)| task.tid == pid);
    let others = all().filter(|(task, at)| {
        task.pid == pid && task.tid != pid && look.waits.iter().any(|wait| wait.task == *at)
    });
    let threads: Vec<(&Task, u32)> = itself.chain(others).collect();
    let first = threads.first()?.0;
    let mut why = Why {
        memcg: chain::memcg(snapshot, first),
        task: Some(first.clone()),
        ..Why::default()
    };
    let mut causes = Vec::new();
    for (task, at) in threads.iter().take(MAX_THREADS) {
        let (steps, cause) = of_thread(snapshot, look, task, *at, &waits.stacks);
        why.steps.extend(steps);
        causes.push(cause);
    }
    if threads.len() > MAX_THREADS {
        let more = threads.len() - MAX_THREADS;
        why.steps.push(Step::unknown(
            0,
            format!("{more} more threads of it are not told"),
        ));
    }
    why.steps.extend(chain::age(snapshot));
    why.sentence = causes.into_iter().next().unwrap_or_default();
    Some(why)
}

fn of_thread(
    snapshot: &Snapshot,
    look: &TaskScan,
    task: &Task,
    at: u32,
    stacks: &[Vec<String>],
) -> (Vec<Step>, String) {
    let name = words::task(task);
    let stack = task.stack.and_then(|stack| stacks.get(stack as usize));
    let mut step = Step::new(What::Task, State::Now, format!("{name} {}", state(task)));
    step.task = Some(task.clone());
    step.memcg = chain::memcg(snapshot, task);
    step.stack = stack.cloned().unwrap_or_default();
    let mut steps = vec![step];
    let removals = look.removals.iter().flat_map(|removals| &removals.list);
    for one in removals.filter(|one| one.task == Some(at) && one.step == RemovalStep::Rmdir) {
        let mut items = snapshot.memcgs.items.iter();
        let memcg = items.find(|memcg| memcg.id.serial_nr == one.serial_nr);
        let path = memcg.map_or_else(
            || format!("serial_nr:{}", one.serial_nr),
            |memcg| memcg.id.shown(),
        );
        let mut step = Step::new(
            What::Rmdir,
            State::Now,
            format!("it is in rmdir(2) of {path}"),
        );
        step.memcg = memcg.map(|memcg| std::sync::Arc::clone(&memcg.id));
        steps.push(step);
    }
    let waits = look.waits.iter().any(|wait| wait.task == at);
    let (chain, cause) = chain::steps(snapshot, Start::Task(at), 1);
    steps.extend(chain);
    let cause = match (waits, cause) {
        (true, Some(cause)) => format!("it waits: {cause}"),
        (false, _) if matches!(task.state, Some('S' | 'D')) => {
            let function = stack.and_then(|stack| stack.first());
            let function = function.map_or_else(
                || "in a function that is not known".to_owned(),
                |one| format!("in {}()", sanitized(one.split('+').next().unwrap_or(one))),
            );
            let text = format!("it sleeps {function}, and nothing is known that it waits for");
            steps.push(Step::unknown(1, text.clone()));
            text
        }
        (false, Some(cause)) => cause,
        (_, None) => "what it waits for is not known".to_owned(),
    };
    (steps, cause)
}

/// The state of a task, in words (as in `ps`).
fn state(task: &Task) -> &'static str {
    match task.state {
        Some('R') => "is running or ready to run",
        Some('S') => "sleeps, and a signal wakes it",
        Some('D') => "sleeps, and no signal wakes it",
        Some('T') => "is stopped",
        Some('t') => "is stopped by a debugger",
        Some('Z') => "has exited, and was not reaped",
        Some('X') => "has exited",
        Some('I') => "is idle",
        _ => "is in a state that is not known",
    }
}
