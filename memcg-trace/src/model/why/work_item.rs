//! The work item that a removal waits for, and what comes before it.

use super::answer::{State, Step, What};
use crate::deadlock::words;
use crate::model::pins::words::grouped;
use crate::model::snapshot::Snapshot;
use crate::sample::removals::{WorkItem, WorkPlace, Working};
use crate::sample::sanitized;

/// Bound on the workers that are named.
const MAX_NAMED: usize = 4;

/// The steps: the item itself, with those before it.
pub(super) fn steps(snapshot: &Snapshot, item: &WorkItem, depth: u32) -> Vec<Step> {
    let function = item.function.as_deref().map(sanitized);
    let function = function.map_or_else(|| "its work item".to_owned(), |name| format!("{name}()"));
    let queue = item
        .workqueue
        .as_ref()
        .map(|name| name.display().into_owned());
    let queue = queue.unwrap_or_else(|| "a workqueue whose name is not known".to_owned());
    let before = match item.before {
        Some(0) => "no item before it".to_owned(),
        Some(1) => "1 item before it".to_owned(),
        Some(count) => format!("{} items before it", grouped(count)),
        None => "how many are before it was not counted".to_owned(),
    };
    let busy = busy(snapshot, item);
    let text = match item.place {
        WorkPlace::Running => format!("{function} of {queue} is in progress: {busy}"),
        WorkPlace::Behind => {
            format!("{function} of {queue} was given to a worker, with {before}: {busy}")
        }
        WorkPlace::Pending => {
            format!("{function} of {queue} waits for a free worker, with {before}: {busy}")
        }
        WorkPlace::Inactive => format!(
            "{function} is queued in {queue}, with {before}, until one of the items in progress \
             is over: {busy}"
        ),
        WorkPlace::Unknown => {
            format!("{function} is queued in {queue}; its place was not found: {busy}")
        }
    };
    vec![Step::new(What::Work, State::Now, text).deep(depth)]
}

/// The workers, and what each is at.
fn busy(snapshot: &Snapshot, item: &WorkItem) -> String {
    if item.workers.is_empty() {
        return "no worker for it was found".to_owned();
    }
    let judged = snapshot.judged.as_ref();
    let look = judged.and_then(|judged| judged.answer.looks.first());
    let name = |worker: &Working| {
        let task = look.and_then(|look| look.tasks.get(worker.task as usize));
        let task = task.map_or_else(|| "a worker".to_owned(), words::task);
        match &worker.function {
            Some(function) => format!("{task} is at {}()", sanitized(function)),
            None => format!("{task} is at no item that is known"),
        }
    };
    let mut named: Vec<String> = item.workers.iter().take(MAX_NAMED).map(name).collect();
    let more = item.workers.len().saturating_sub(MAX_NAMED) as u64;
    let more = more.saturating_add(item.workers_omitted);
    if more > 0 {
        named.push(format!("{} more workers", grouped(more)));
    }
    named.join(", ")
}
