//! Sleeping locks: the lock that a sleeper waits for, by its record, and the lock's owner, by the
//! owner word.

use super::finding::{Finding, holder};
use super::members;
use super::owner::{self, Held};
use super::records::{self, COMPLETION, Entry, LinkMemory, MUTEX, RWSEM, SEMAPHORE, Shape};
use super::stacks::Stack;
use super::table::Hidden;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::percpu_rwsem;
use crate::kernel::debugger::reader::is_kernel_address;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Resource};
use crate::sample::{Mode, ResourceKind};
use crate::units;

/// `task.blocker` (include/linux/hung_task.h): its two lowest bits are the kind of lock.
const BLOCKER_TYPES: u64 = 3;
const BLOCKER_MUTEX: u64 = 0;
const BLOCKER_SEMAPHORE: u64 = 1;

/// Percpu-rwsems, each with the mutex that its writers hold: a percpu-rwsem does not record its
/// writer (mm/memory_hotplug.c, kernel/cpu.c, kernel/cgroup/cgroup.c: cgroup_attach_lock()).
const GUARDS: &[(&str, Symbol)] = &[
    ("mem_hotplug_lock", Symbol::DeviceHotplugLock),
    ("cpu_hotplug_lock", Symbol::CpuAddRemoveLock),
    ("cgroup_threadgroup_rwsem", Symbol::CgroupMutex),
];

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

/// A percpu-rwsem that a task is queued for.
pub(super) fn percpu(
    view: &View<'_>,
    at: usize,
    stack: &Stack<'_>,
) -> Result<Option<Finding>, Unreadable> {
    let Some(waker) = view.symbols.address(Symbol::PercpuRwsemWakeFunction) else {
        return Ok(None);
    };
    let task = view.threads.all[at].addr;
    let entry = Entry::of(|field| view.reader.offset(field))?;
    let head = LinkMemory::now(view.reader, view.threads, |memory| {
        records::queue_of(memory, stack, task, entry, waker, |_| true)
    })?;
    let Some(head) = head else { return Ok(None) };
    let lock = head.wrapping_sub(view.reader.offset(Field::PercpuWaiters)?);
    // The queue entry has the mode too, as a flag whose number has changed and is not in BTF.
    let mode = if stack.has(&["percpu_down_write"]) {
        Mode::Write
    } else {
        Mode::Read
    };
    let resource = percpu_resource(view, lock)?;
    Ok(Some(Finding::new(at, resource, mode, Evidence::OwnerWord)))
}

/// A percpu-rwsem whose writer waits for the readers to leave: the writer is registered there, and
/// has the lock's address on its stack.
pub(super) fn percpu_drain(
    view: &View<'_>,
    at: usize,
    stack: &Stack<'_>,
) -> Result<Option<Finding>, Unreadable> {
    let task = view.threads.all[at].addr;
    let writer = view.reader.offset(Field::PercpuWriter)?;
    let is_lock = |word: &&u64| {
        is_kernel_address(**word) && view.reader.word_at(word.wrapping_add(writer)) == Ok(task)
    };
    let Some(lock) = stack.words.iter().find(is_lock) else {
        return Ok(None);
    };
    let resource = percpu_resource(view, *lock)?;
    Ok(Some(Finding::new(
        at,
        resource,
        Mode::Write,
        Evidence::OwnerWord,
    )))
}

fn percpu_resource(view: &View<'_>, lock: u64) -> Result<Resource, Unreadable> {
    let block = view.reader.word(lock, Field::PercpuBlock)?;
    let writer = view.reader.word(lock, Field::PercpuWriter)?;
    let name = view.name_of(lock);
    let mut resource = Resource {
        kind: ResourceKind::PercpuRwsem,
        addr: lock,
        ..Resource::default()
    };
    if block == 0 {
        // No task holds the lock for writing any more.
    } else if writer != 0 {
        readers(view, &mut resource);
    } else if name.is_none()
        && let Some(frozen) = members::frozen(view, lock)
    {
        resource.kept_by = Some(frozen);
    } else {
        match writer_of(view, lock, name.as_deref()) {
            Some((at, evidence)) => resource.holders.push(holder(at, Mode::Write, evidence)),
            None => {
                resource.incomplete = Some("a percpu-rwsem does not record its writer".to_owned());
            }
        }
    }
    (resource.name, resource.of) = match name {
        Some(name) => (Some(name), None),
        None => {
            let (name, of) = members::name(view, ResourceKind::PercpuRwsem, lock).unzip();
            (name, of.flatten())
        }
    };
    Ok(resource)
}

/// Adds the readers that the writer waits for: those that events recorded, and the number of the
/// others. If the lock counts fewer readers than events recorded, the end of a read was missed, and
/// it is not known of which.
fn readers(view: &View<'_>, resource: &mut Resource) {
    let known = view.events.holders(view, resource.addr, Mode::Read);
    let seen = known.len() as u64;
    let mut evidence = Evidence::Traced;
    resource.incomplete = match percpu_rwsem::readers(view.reader, resource.addr) {
        Ok(count) if count == seen => None,
        Ok(count) if count < seen => {
            evidence = Evidence::Hint;
            Some(format!("{seen} tasks were seen to read, and {count} do"))
        }
        Ok(count) => Some(format!(
            "{} of its {} {} not known",
            count - seen,
            units::things(count, "reader"),
            units::is(count - seen)
        )),
        Err(_) => Some("a percpu-rwsem does not record its readers".to_owned()),
    };
    let holders = known.into_iter();
    let holders = holders.map(|at| holder(at, Mode::Read, evidence));
    resource.holders.extend(holders);
}

/// The writer of a percpu-rwsem: a thread that was seen to ask for the lock and does not wait for
/// it, or that has the guarding mutex. A thread that runs may have asked just now: then both must
/// agree.
fn writer_of(view: &View<'_>, lock: u64, name: Option<&str>) -> Option<(usize, Evidence)> {
    let guard = name.and_then(|name| guard_of(view, name));
    let asked = view.events.holders(view, lock, Mode::Write);
    match (&asked[..], guard) {
        ([one], Some(guard)) if *one == guard => Some((*one, Evidence::Traced)),
        ([one], None) if view.threads.all[*one].sleeps() => Some((*one, Evidence::Traced)),
        (_, Some(guard)) => Some((guard, Evidence::Inferred)),
        ([one], None) => Some((*one, Evidence::Inferred)),
        _ => None,
    }
}

/// The owner of the mutex that guards writing to a percpu-rwsem.
fn guard_of(view: &View<'_>, name: &str) -> Option<usize> {
    let (_, mutex) = GUARDS.iter().find(|(lock, _)| *lock == name)?;
    let mutex = view.symbols.address(*mutex)?;
    let word = view.reader.word(mutex, Field::MutexOwner).ok()?;
    view.threads.at(owner::task(word))
}

/// The task that plugs or unplugs memory right now: the writer of `mem_hotplug_lock`.
pub(super) fn memory_hotplugger(view: &View<'_>) -> Result<Option<usize>, Unreadable> {
    let Some(lock) = view.symbols.address(Symbol::MemHotplugLock) else {
        return Ok(None);
    };
    let block = view.reader.word(lock, Field::PercpuBlock)?;
    let writer = view.reader.word(lock, Field::PercpuWriter)?;
    if block == 0 || writer != 0 {
        return Ok(None);
    }
    let writer = writer_of(view, lock, Some("mem_hotplug_lock"));
    Ok(writer.map(|(at, _)| at))
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
