//! Percpu-rwsems: their readers and their writer, which the lock itself does not record.

use super::finding::{Finding, holder};
use super::members;
use super::owner;
use super::records::{self, Entry, LinkMemory};
use super::stacks::Stack;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::percpu_rwsem;
use crate::kernel::debugger::reader::is_kernel_address;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Resource};
use crate::sample::{Mode, ResourceKind};
use crate::units;

/// Percpu-rwsems, each with the mutex that its writers hold: a percpu-rwsem does not record its
/// writer (mm/memory_hotplug.c, kernel/cpu.c, kernel/cgroup/cgroup.c: cgroup_attach_lock()).
const GUARDS: &[(&str, Symbol)] = &[
    ("mem_hotplug_lock", Symbol::DeviceHotplugLock),
    ("cpu_hotplug_lock", Symbol::CpuAddRemoveLock),
    ("cgroup_threadgroup_rwsem", Symbol::CgroupMutex),
];

/// A percpu-rwsem that a task is queued for.
pub(super) fn wait(
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
    let resource = resource(view, lock)?;
    Ok(Some(Finding::new(at, resource, mode, Evidence::OwnerWord)))
}

/// A percpu-rwsem whose writer waits for the readers to leave: the writer is registered there, and
/// has the lock's address on its stack.
pub(super) fn drain(
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
    let resource = resource(view, *lock)?;
    Ok(Some(Finding::new(
        at,
        resource,
        Mode::Write,
        Evidence::OwnerWord,
    )))
}

fn resource(view: &View<'_>, lock: u64) -> Result<Resource, Unreadable> {
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
