//! Sleeping locks: the lock that a sleeper waits for, by its record, and the lock's owner, by the
//! owner word.

use super::finding::{Finding, holder};
use super::members;
use super::owner::{self, Held};
use super::records::{self, COMPLETION, LinkMemory, MUTEX, RWSEM, SEMAPHORE, Shape};
use super::stacks::Stack;
use super::table::Hidden;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::is_kernel_address;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Resource};
use crate::sample::{Mode, ResourceKind};
use crate::units;

/// `task.blocker` (include/linux/hung_task.h): its two lowest bits are the kind of lock.
const BLOCKER_TYPES: u64 = 3;
const BLOCKER_MUTEX: u64 = 0;
const BLOCKER_SEMAPHORE: u64 = 1;

/// The lock that a task waits for whose stack has a slow path on it. `None` if the task waits for
/// no such lock.
pub(super) fn wait(
    view: &View<'_>,
    at: usize,
    stack: &Stack<'_>,
    hidden: &[Hidden],
) -> Result<Option<Finding>, Unreadable> {
    for one in hidden {
        let (kind, shape, mode) = match one {
            Hidden::Mutex => (ResourceKind::Mutex, MUTEX, Mode::Write),
            Hidden::RwsemRead => (ResourceKind::Rwsem, RWSEM, Mode::Read),
            Hidden::RwsemWrite => (ResourceKind::Rwsem, RWSEM, Mode::Write),
            Hidden::Semaphore => (ResourceKind::Semaphore, SEMAPHORE, Mode::Write),
            Hidden::Completion | Hidden::RtMutex | Hidden::Io | Hidden::Sleep => continue,
        };
        let lock = match blocker(view, at, kind) {
            Some(lock) => Some(lock),
            None => find(view, at, stack, shape)?,
        };
        let Some(lock) = lock else { continue };
        if let Some(resource) = describe(view, kind, lock)? {
            return Ok(Some(Finding::new(at, resource, mode, Evidence::OwnerWord)));
        }
    }
    // An address of a slow path alone may have been left on the stack by an earlier wait: without a
    // record, and without `task.blocker`, there is no wait.
    let task = view.threads.all[at].addr;
    let blocked = view.reader.word(task, Field::TaskPiBlockedOn);
    if hidden.first() != Some(&Hidden::RtMutex) || !blocked.is_ok_and(is_kernel_address) {
        return Ok(None);
    }
    let resource = Resource {
        kind: ResourceKind::RtMutex,
        incomplete: Some("which lock it is was not found".to_owned()),
        ..Resource::default()
    };
    Ok(Some(Finding::new(
        at,
        resource,
        Mode::Write,
        Evidence::Inferred,
    )))
}

/// The lock that the task itself names, if its kind is `kind`: `task.blocker` (since 6.16, with
/// detection of hung tasks), else `task.blocked_on`.
fn blocker(view: &View<'_>, at: usize, kind: ResourceKind) -> Option<u64> {
    let task = view.threads.all[at].addr;
    if let Ok(word) = view.reader.word(task, Field::TaskBlocker)
        && is_kernel_address(word)
    {
        let says = match word & BLOCKER_TYPES {
            BLOCKER_MUTEX => ResourceKind::Mutex,
            BLOCKER_SEMAPHORE => ResourceKind::Semaphore,
            _ => ResourceKind::Rwsem,
        };
        return (says == kind).then_some(word & !BLOCKER_TYPES);
    }
    let mutex = view.reader.word(task, Field::TaskBlockedOn).ok()?;
    (kind == ResourceKind::Mutex && is_kernel_address(mutex) && mutex % 8 == 0).then_some(mutex)
}

fn find(
    view: &View<'_>,
    at: usize,
    stack: &Stack<'_>,
    shape: Shape,
) -> Result<Option<u64>, Unreadable> {
    let task = view.threads.all[at].addr;
    let record = shape.record(|field| view.reader.offset(field))?;
    let lock = LinkMemory::now(view.reader, view.threads, |memory| {
        records::lock_of(memory, stack, task, record)
    });
    match lock {
        Err(Unreadable::Fault(_)) => Ok(None),
        other => other,
    }
}

/// A lock with its owner; `None` if the memory does not look like a lock with waiters.
fn describe(
    view: &View<'_>,
    kind: ResourceKind,
    lock: u64,
) -> Result<Option<Resource>, Unreadable> {
    let (name, of) = match view.name_of(lock) {
        Some(name) => (Some(name), None),
        None => members::name(view, kind, lock).unzip(),
    };
    let mut resource = Resource {
        kind,
        name,
        of: of.flatten(),
        addr: lock,
        ..Resource::default()
    };
    match kind {
        ResourceKind::Mutex => {
            let word = view.reader.word(lock, Field::MutexOwner)?;
            let Some(held) = owner::of_mutex(word) else {
                return Ok(None);
            };
            resource.owner_word = Some(word);
            hold(view, &mut resource, held);
            if resource.holders.is_empty() && resource.incomplete.is_none() {
                let woken = woken(view, lock);
                let woken = woken.map(|at| holder(at, Mode::Write, Evidence::Inferred));
                resource.holders.extend(woken);
            }
        }
        ResourceKind::Rwsem => {
            let count = view.reader.word(lock, Field::RwsemCount)?;
            let word = view.reader.word(lock, Field::RwsemOwner)?;
            let Some(held) = owner::of_rwsem(count, word) else {
                return Ok(None);
            };
            resource.owner_word = Some(word);
            hold(view, &mut resource, held);
        }
        _ => {
            resource.incomplete = Some("a semaphore does not record who has it".to_owned());
            let last = view.reader.word(lock, Field::SemaphoreLastHolder).ok();
            if let Some(last) = last.and_then(|task| view.threads.at(task)) {
                resource
                    .holders
                    .push(holder(last, Mode::Write, Evidence::Hint));
            }
        }
    }
    Ok(Some(resource))
}

/// The first waiter of a mutex without an owner, if that waiter is awake: the task that released
/// the mutex woke it (kernel/locking/mutex.c: __mutex_unlock_slowpath()), and it takes the mutex
/// once it runs.
fn woken(view: &View<'_>, mutex: u64) -> Option<usize> {
    let reader = view.reader;
    let record = match reader.word(mutex, Field::MutexFirstWaiter) {
        Ok(record) => record,
        Err(_) => {
            let link = reader.word(mutex, Field::MutexWaitList).ok()?;
            link.wrapping_sub(reader.offset(Field::MutexWaiterList).ok()?)
        }
    };
    let at = (view.threads).at(reader.word(record, Field::MutexWaiterTask).ok()?)?;
    (!view.threads.all[at].sleeps()).then_some(at)
}

/// Adds the holders of a lock. Of readers only the last one is known, if at all.
fn hold(view: &View<'_>, resource: &mut Resource, held: Held) {
    match held {
        Held::ByNobody => {}
        Held::By(task) => match view.threads.at(task) {
            Some(at) => {
                let askers = view.events.askers(view, resource.addr, Mode::Write);
                let evidence = match askers.iter().any(|(asker, _)| *asker == at) {
                    true => Evidence::Traced,
                    false => Evidence::OwnerWord,
                };
                resource.holders.push(holder(at, Mode::Write, evidence));
            }
            None => resource.incomplete = Some("its owner is no task that is there".to_owned()),
        },
        Held::ForReading { last, readers } => {
            let last = view.threads.at(last);
            resource.incomplete = Some(match (last, readers) {
                (Some(_), 1) => "the last reader need not be the one that has it".to_owned(),
                (Some(_), _) => {
                    let others = units::things(readers - 1, "other reader");
                    format!("{others} {} not known", units::is(readers - 1))
                }
                (None, _) => {
                    let readers_of_it = units::things(readers, "reader");
                    format!("its {readers_of_it} {} not known", units::is(readers))
                }
            });
            resource
                .holders
                .extend(last.map(|at| holder(at, Mode::Read, Evidence::Hint)));
        }
    }
}

/// A completion. The kernel does not record which task will complete it.
pub(super) fn completion(
    view: &View<'_>,
    at: usize,
    stack: &Stack<'_>,
) -> Result<Finding, Unreadable> {
    let lock = find(view, at, stack, COMPLETION)?;
    let resource = Resource {
        kind: ResourceKind::Completion,
        name: lock.and_then(|lock| view.name_of(lock)),
        addr: lock.unwrap_or(0),
        incomplete: Some("who completes it is not known".to_owned()),
        ..Resource::default()
    };
    Ok(Finding::new(at, resource, Mode::Write, Evidence::Inferred))
}
