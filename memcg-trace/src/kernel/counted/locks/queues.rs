//! Queues of locks: the tasks whose records are in a lock's list of waiters.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use memcg_trace_common::lock::{Wait, flags};

use crate::kernel::counted::spans::TaskNow;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address};
use crate::kernel::layout::fields::Field;

/// Most waiters of one lock that are followed.
const MAX_WAITERS: usize = 4096;
/// Most reads of one list. A list changes while it is read, so a task that is missing is looked for
/// again.
const TRIES: usize = 3;
/// Most lists that are read again, for all locks together.
const READ_AGAIN: usize = 256;

/// A kind of list: its head in the lock, or the first record in a lock without a head; and the link
/// and the task of a record.
struct Kind {
    head: Field,
    first: Option<Field>,
    link: Field,
    task: Field,
}

const MUTEX: Kind = Kind {
    head: Field::MutexWaitList,
    first: Some(Field::MutexFirstWaiter),
    link: Field::MutexWaiterList,
    task: Field::MutexWaiterTask,
};
const RWSEM: Kind = Kind {
    head: Field::RwsemWaitList,
    first: Some(Field::RwsemFirstWaiter),
    link: Field::RwsemWaiterList,
    task: Field::RwsemWaiterTask,
};
const SEMAPHORE: Kind = Kind {
    head: Field::SemaphoreWaitList,
    first: Some(Field::SemaphoreFirstWaiter),
    link: Field::SemaphoreWaiterList,
    task: Field::SemaphoreWaiterTask,
};
const PERCPU: Kind = Kind {
    head: Field::PercpuWaiters,
    first: None,
    link: Field::QueueEntry,
    task: Field::QueuePrivate,
};

impl Kind {
    fn of(of: u32) -> &'static Self {
        match of {
            of if of & flags::MUTEX != 0 => &MUTEX,
            of if of & flags::PERCPU != 0 => &PERCPU,
            of if of & flags::RWSEM != 0 => &RWSEM,
            _ => &SEMAPHORE,
        }
    }
}

/// The queued tasks of some locks, as of one scan.
#[derive(Default)]
pub(crate) struct Queues {
    /// `None` for a lock whose list could not be read.
    by_lock: HashMap<(u64, u32), Option<HashSet<u64>>>,
    read_again: usize,
}

impl Queues {
    /// Whether the task of a wait is queued for its lock; `None` if that cannot be determined.
    pub(crate) fn is_queued(
        &mut self,
        reader: &Reader<'_>,
        wait: &Wait,
        now: Option<&TaskNow>,
    ) -> Option<bool> {
        if wait.flags & flags::RT != 0 {
            // This lock has a tree, and the task has the address of its own node in one.
            reader.offset(Field::TaskPiBlockedOn).ok()?;
            return now.map(|now| now.pi_blocked_on != 0);
        }
        let kind = wait.flags & (flags::MUTEX | flags::PERCPU | flags::RWSEM);
        let key = (wait.lock, kind);
        for _ in 0..TRIES {
            let queued = self.by_lock.entry(key).or_insert_with(|| {
                match queued_tasks(reader, wait.lock, kind) {
                    // A lock that is gone has no waiters.
                    Err(Unreadable::Fault(address)) if address == wait.lock => Some(HashSet::new()),
                    other => other.ok(),
                }
            });
            if queued.as_ref()?.contains(&wait.task) {
                return Some(true);
            }
            if !now.is_some_and(TaskNow::sleeps) {
                return Some(false);
            }
            if self.read_again >= READ_AGAIN {
                return None;
            }
            self.read_again += 1;
            self.by_lock.remove(&key);
        }
        Some(false)
    }
}

/// All tasks that are queued.
fn queued_tasks(reader: &Reader<'_>, lock: u64, of: u32) -> Result<HashSet<u64>, Unreadable> {
    let kind = Kind::of(of);
    let (link, task) = (reader.offset(kind.link)?, reader.offset(kind.task)?);
    let mut links = Vec::new();
    let of_lock = |word: Result<u64, Unreadable>| match word {
        Err(Unreadable::Fault(_)) => Err(Unreadable::Fault(lock)),
        other => other,
    };
    let (from, end) = match (reader.offset(kind.head), kind.first) {
        (Ok(head), _) => {
            let head = lock.wrapping_add(head);
            (of_lock(reader.word_at(head))?, head)
        }
        (Err(_), Some(first)) => {
            let first = of_lock(reader.word(lock, first))?;
            if first == 0 {
                return Ok(HashSet::new());
            }
            let first = first.wrapping_add(link);
            links.push(first);
            (reader.word_at(first)?, first)
        }
        (Err(why), None) => return Err(why),
    };
    reader.memory.chain(from, end, 0, |some| {
        links.extend_from_slice(some);
        match links.len() > MAX_WAITERS {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    if links.len() > MAX_WAITERS {
        return Err(Unreadable::Changed("a list of waiters"));
    }
    let to_task = task.wrapping_sub(link);
    let mut tasks = HashSet::with_capacity(links.len());
    let places: Vec<u64> = links.iter().map(|one| one.wrapping_add(to_task)).collect();
    reader.memory.each(&places, 8, |word| {
        let word = word.and_then(|word| Some(u64::from_ne_bytes(word.try_into().ok()?)));
        tasks.extend(word.filter(|task| is_kernel_address(*task)));
    })?;
    if kind.head == Field::PercpuWaiters {
        // A writer for which readers must wait is ahead of the queue.
        let writer = reader.word(lock, Field::PercpuWriter)?;
        tasks.extend(Some(writer).filter(|task| is_kernel_address(*task)));
    }
    Ok(tasks)
}
