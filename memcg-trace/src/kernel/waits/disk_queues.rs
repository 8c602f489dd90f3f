//! Queues of block devices: who freezes one waits until nothing uses it (block/blk-mq.c:
//! blk_mq_freeze_queue_wait()). The queue counts its users, and does not record them.

use super::finding::Finding;
use super::records::{self, Entry, LinkMemory};
use super::stacks::Stack;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Resource};
use crate::sample::{Mode, ResourceKind, Text};
use crate::units;

/// A wait for all that use a queue: requests that the device has not answered, and tasks on their
/// way to make one.
pub(super) fn freeze(view: &View<'_>, at: usize, stack: &Stack<'_>) -> Result<Finding, Unreadable> {
    let reader = view.reader;
    let mut resource = Resource {
        kind: ResourceKind::PercpuRef,
        name: Some("the queue of a block device".to_owned()),
        incomplete: Some("which queue it is was not found".to_owned()),
        ..Resource::default()
    };
    if let Some(queue) = frozen(view, at, stack)? {
        resource.addr = queue;
        if let Some(disk) = disk(view, queue) {
            resource.name = Some(format!("the queue of {}", disk.display()));
        }
        let usage = reader.word(queue, Field::QueueUsage)?;
        let count = match reader.word(usage, Field::RefConfirmSwitch)? {
            0 => Some(reader.word(usage, Field::RefCount)?),
            _ => None,
        };
        resource.incomplete = Some(match count {
            Some(count) => format!(
                "{} (requests, or tasks that make some) {} in it, and it does not record whose",
                units::things(count, "user"),
                units::is(count)
            ),
            None => "it counts its users only after a grace period of RCU".to_owned(),
        });
    }
    Ok(Finding::new(at, resource, Mode::Write, Evidence::OwnerWord))
}

/// The queue that a task freezes.
fn frozen(view: &View<'_>, at: usize, stack: &Stack<'_>) -> Result<Option<u64>, Unreadable> {
    let waiters = view.reader.offset(Field::QueueFreezeWaiters)?;
    let Some(waker) = view.symbols.address(Symbol::AutoremoveWakeFunction) else {
        return Ok(None);
    };
    let task = view.threads.all[at].addr;
    let entry = Entry::of(|field| view.reader.offset(field))?;
    let head = LinkMemory::now(view.reader, view.threads, |memory| {
        records::queue_of(memory, stack, task, entry, waker, |_| true)
    })?;
    Ok(head.map(|head| head.wrapping_sub(waiters)))
}

/// The name of the disk of a queue, to which queues point since 5.15.
fn disk(view: &View<'_>, queue: u64) -> Option<Text> {
    let disk = view.reader.word(queue, Field::QueueDisk).ok()?;
    let name = view.reader.bytes(disk, Field::DiskName).ok()?;
    Some(Text::from_c(&name)).filter(|name| !name.as_bytes().is_empty())
}
