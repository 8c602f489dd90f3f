//! Waits for work items and for whole workqueues to be flushed.

use super::finding::{Finding, holder};
use super::stacks::Stack;
use super::view::View;
use super::workers::Workers;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Holder, Resource};
use crate::sample::{Mode, ResourceKind, Text};

/// Bound on the workqueues of one host.
const MAX_WORKQUEUES: usize = 1 << 14;
/// Bound on the tasks that flush one workqueue.
const MAX_FLUSHERS: usize = 1 << 14;
const NAME_BYTES: usize = 32;

/// A wait in `flush_work()`: the waiter has put a barrier item behind the item that it waits for,
/// and the barrier lies on its stack.
pub(super) fn flush(
    view: &View<'_>,
    workers: &Workers,
    at: usize,
    stack: &Stack<'_>,
) -> Result<Option<Finding>, Unreadable> {
    let mut resource = Resource {
        kind: ResourceKind::Work,
        ..Resource::default()
    };
    match barrier(view, stack)? {
        Some(barrier) => {
            let runners = workers.of(view, barrier)?;
            resource.name = workers.before(view, barrier)?;
            resource.addr = barrier;
            resource.holders = runners.holders;
            resource.incomplete = runners.incomplete;
        }
        None => resource.incomplete = Some("which item it is was not found".to_owned()),
    }
    Ok(Some(Finding::new(
        at,
        resource,
        Mode::Write,
        Evidence::OwnerWord,
    )))
}

/// The work item of a `struct wq_barrier` on a stack.
fn barrier(view: &View<'_>, stack: &Stack<'_>) -> Result<Option<u64>, Unreadable> {
    let Some(function) = view.symbols.address(Symbol::WqBarrierFunc) else {
        return Ok(None);
    };
    let func = view.reader.offset(Field::BarrierFunc)?;
    let work = view.reader.offset(Field::BarrierWork)?;
    let place = stack.words.iter().position(|word| *word == function);
    Ok(place.map(|place| stack.address(place).wrapping_sub(func) + work))
}

/// A wait in `flush_workqueue()` for all items that were queued before: the holders are their
/// workers. A task that flushes while others do waits in a list of the workqueue.
pub(super) fn flush_all(
    view: &View<'_>,
    workers: &Workers,
    at: usize,
) -> Result<Option<Finding>, Unreadable> {
    let mut resource = Resource {
        kind: ResourceKind::Workqueue,
        ..Resource::default()
    };
    match flushed(view, at)? {
        Some(wq) => {
            resource.addr = wq;
            resource.name = name(view, wq)?.map(|name| name.display().into_owned());
            let of_it = workers.all.iter().filter(|one| one.wq == wq);
            resource
                .holders
                .extend(of_it.map(|one| holder(one.at, Mode::Write, Evidence::OwnerWord)));
            match workers.queued(view, wq) {
                Ok(queued) => {
                    let is_new =
                        |one: &Holder| resource.holders.iter().all(|it| it.task != one.task);
                    let queued: Vec<_> = queued.into_iter().filter(is_new).collect();
                    resource.holders.extend(queued);
                    resource.incomplete = resource
                        .holders
                        .is_empty()
                        .then(|| "no worker is at what is queued in it".to_owned());
                }
                Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {
                    let why = "what is queued in it changed while it was read";
                    resource.incomplete = Some(why.to_owned());
                }
                Err(why) => return Err(why),
            }
        }
        None => resource.incomplete = Some("which workqueue it is was not found".to_owned()),
    }
    Ok(Some(Finding::new(
        at,
        resource,
        Mode::Write,
        Evidence::OwnerWord,
    )))
}

/// The workqueue that a task flushes: its record is on the task's stack (kernel/workqueue.c: struct
/// wq_flusher).
fn flushed(view: &View<'_>, at: usize) -> Result<Option<u64>, Unreadable> {
    let reader = view.reader;
    let (all, _) = reader.list(
        reader.symbol(Symbol::Workqueues)?,
        Field::WqList,
        MAX_WORKQUEUES,
    )?;
    let is_own = |record: u64| view.threads.by_stack(record) == Some(at);
    let first = reader.column(&all, Field::WqFirstFlusher)?;
    let is_first = |record: &Option<u64>| record.is_some_and(is_own);
    if let Some(row) = first.iter().position(is_first) {
        return Ok(Some(all[row]));
    }
    for (wq, first) in all.into_iter().zip(first) {
        // Without a first flusher the list is empty.
        if first.is_none_or(|first| first == 0) {
            continue;
        }
        for line in [Field::WqFlusherQueue, Field::WqFlusherOverflow] {
            let head = wq + reader.offset(line)?;
            let (records, _) = reader.list(head, Field::WqFlusherList, MAX_FLUSHERS)?;
            if records.into_iter().any(is_own) {
                return Ok(Some(wq));
            }
        }
    }
    Ok(None)
}

/// The name of a workqueue, which is an array in the struct since 3.10.
pub(super) fn name(view: &View<'_>, wq: u64) -> Result<Option<Text>, Unreadable> {
    let name = view.reader.bytes(wq, Field::WqName)?;
    let name = Text::from_c(&name[..name.len().min(NAME_BYTES)]);
    Ok((!name.display().is_empty()).then_some(name))
}
