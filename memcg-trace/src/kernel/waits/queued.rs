//! The place of a work item in its workqueue, and what comes before it.

use super::view::View;
use super::work;
use super::workers::{Place, Runners, Workers};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::layout::fields::Field;
use crate::sample::removals::{WorkItem, WorkPlace, Working};

/// Bound on the items that are counted.
const MAX_ITEMS: u64 = 1 << 14;
/// Bound on the workers that are named.
const MAX_WORKERS: usize = 16;

/// The place of an item whose holders are `runners`. Tasks are indices of threads.
pub(super) fn item(
    view: &View<'_>,
    workers: &Workers,
    item: u64,
    runners: &Runners,
) -> Result<WorkItem, Unreadable> {
    let mut found = WorkItem {
        function: function(view, item)?,
        ..WorkItem::default()
    };
    if let Some(worker) = workers.all.iter().find(|one| one.work == item) {
        found.place = WorkPlace::Running;
        found.before = Some(0);
        found.workqueue = work::name(view, worker.wq)?;
    } else {
        let data = view.reader.word(item, Field::WorkData)?;
        if let Some((pwq, pool)) = workers.queued_at(view, data)? {
            found.workqueue = work::name(view, view.reader.word(pwq, Field::PwqWq)?)?;
            let heads = workers.heads(view, pwq, pool)?;
            let before = before(view, item, |address| heads.get(&address).copied())?;
            if let Some((place, before)) = before {
                found.before = Some(before);
                found.place = match place {
                    Place::Behind(_) => WorkPlace::Behind,
                    Place::Pending => WorkPlace::Pending,
                    Place::Inactive => WorkPlace::Inactive,
                };
            }
        }
    }
    for runner in runners.holders.iter().take(MAX_WORKERS) {
        let is_it = |at: usize| u32::try_from(at) == Ok(runner.task);
        let worker = workers.all.iter().find(|one| is_it(one.at));
        let function = match worker.map(|one| one.work).filter(|work| *work != 0) {
            Some(work) => function(view, work)?,
            None => None,
        };
        found.workers.push(Working {
            task: runner.task,
            function,
        });
    }
    found.workers_omitted = runners.holders.len().saturating_sub(MAX_WORKERS) as u64;
    Ok(found)
}

/// The head of the list that an item is in, and the number of items before it.
fn before(
    view: &View<'_>,
    item: u64,
    head: impl Fn(u64) -> Option<Place>,
) -> Result<Option<(Place, u64)>, Unreadable> {
    let mut node = item + view.reader.offset(Field::WorkEntry)?;
    for count in 0..MAX_ITEMS {
        // `list_head.prev`
        let previous = view.reader.word_at(node.wrapping_add(8))?;
        if let Some(place) = head(previous) {
            return Ok(Some((place, count)));
        }
        // The list changes meanwhile.
        if view.reader.word_at(previous)? != node {
            return Ok(None);
        }
        node = previous;
    }
    Ok(None)
}

/// The function of an item, by its name; `None` where its own function has freed it.
fn function(view: &View<'_>, item: u64) -> Result<Option<String>, Unreadable> {
    match view.reader.word(item, Field::WorkFunc) {
        Ok(function) => Ok(view.name_of(function)),
        Err(Unreadable::Fault(_)) => Ok(None),
        Err(why) => Err(why),
    }
}
