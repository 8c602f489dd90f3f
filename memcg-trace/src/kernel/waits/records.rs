//! Waiter records: the structure that a sleeper leaves on its own stack, by which it is found and
//! woken.
//!
//! The code that follows links knows the kernel's memory only as [`LinkMemory`], so that it can be
//! tested with words that were recorded on other kernels.

use super::stacks::Stack;
use super::threads::Threads;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address};
use crate::kernel::layout::fields::Field;

/// Waiters of one lock that are followed.
const MAX_WAITERS: usize = 4096;

/// The kernel's memory, as far as the code that follows links needs it.
pub(super) struct LinkMemory<'a> {
    /// The word at an address.
    pub(super) word: &'a dyn Fn(u64) -> Result<u64, Unreadable>,
    /// Whether an address is on the stack of a task.
    pub(super) is_on_stack: &'a dyn Fn(u64) -> bool,
}

impl LinkMemory<'_> {
    /// The kernel's memory as it is now.
    pub(super) fn now<T>(
        reader: &Reader<'_>,
        threads: &Threads,
        look: impl FnOnce(&LinkMemory<'_>) -> T,
    ) -> T {
        look(&LinkMemory {
            word: &|address| reader.word_at(address),
            is_on_stack: &|address| threads.by_stack(address).is_some(),
        })
    }
}

/// The fields of a kind of record: its link, and the word that is the task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    link: Field,
    task: Field,
    /// The head of the lock's list, which the record is linked into, where the list has a head.
    head: Field,
    /// The first record, where the list has no head (since 7.1); then the records are a ring.
    first: Option<Field>,
}

pub(super) const MUTEX: Shape = Shape {
    link: Field::MutexWaiterList,
    task: Field::MutexWaiterTask,
    head: Field::MutexWaitList,
    first: Some(Field::MutexFirstWaiter),
};
pub(super) const RWSEM: Shape = Shape {
    link: Field::RwsemWaiterList,
    task: Field::RwsemWaiterTask,
    head: Field::RwsemWaitList,
    first: Some(Field::RwsemFirstWaiter),
};
pub(super) const SEMAPHORE: Shape = Shape {
    link: Field::SemaphoreWaiterList,
    task: Field::SemaphoreWaiterTask,
    head: Field::SemaphoreWaitList,
    first: Some(Field::SemaphoreFirstWaiter),
};
pub(super) const COMPLETION: Shape = Shape {
    link: Field::SwaitList,
    task: Field::SwaitTask,
    head: Field::CompletionWaiters,
    first: None,
};

/// Offsets of the fields of a kind of record in this kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    link: u64,
    task: u64,
    list: List,
}

/// How a lock keeps its waiters, with the offset in the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Head(u64),
    First(u64),
}

impl Shape {
    /// Resolves the fields of a kind of record. An error if this kernel has neither kind of list.
    pub(super) fn record(
        self,
        offset: impl Fn(Field) -> Result<u64, Unreadable>,
    ) -> Result<Record, Unreadable> {
        let list = match (offset(self.head), self.first) {
            (Ok(head), _) => List::Head(head),
            (Err(_), Some(first)) => List::First(offset(first)?),
            (Err(why), None) => return Err(why),
        };
        Ok(Record {
            link: offset(self.link)?,
            task: offset(self.task)?,
            list,
        })
    }
}

/// The lock that a task waits for by a record of this kind in the frames that the kernel leaves out
/// of a stack. `None` if there is no such record, or if it does not lead to exactly one lock.
pub(super) fn lock_of(
    memory: &LinkMemory<'_>,
    stack: &Stack<'_>,
    task: u64,
    record: Record,
) -> Result<Option<u64>, Unreadable> {
    for (at, _) in words_that_are(stack, task) {
        let link = stack.address(at).wrapping_sub(record.task) + record.link;
        let lock = match record.list {
            List::Head(head) => {
                off_stack(memory, link, |_| true)?.map(|end| end.wrapping_sub(head))
            }
            List::First(first) => of_ring(memory, stack, link, record.link, first)?,
        };
        if lock.is_some() {
            return Ok(lock);
        }
    }
    Ok(None)
}

/// The lock whose first record is in a ring. One of the words in the frames of the slow path is the
/// lock's address, and the lock must point back to the ring. Words on stacks that happen to lie
/// before a pointer to one of the records look like a lock too.
fn of_ring(
    memory: &LinkMemory<'_>,
    stack: &Stack<'_>,
    link: u64,
    to_link: u64,
    first: u64,
) -> Result<Option<u64>, Unreadable> {
    let Some(ring) = ring(memory, link)? else {
        return Ok(None);
    };
    let words = stack.words.iter().copied();
    let mut locks = words.filter(|lock| {
        let first = || (memory.word)(lock.wrapping_add(first));
        is_kernel_address(*lock)
            && !(memory.is_on_stack)(*lock)
            && first().is_ok_and(|first| ring.contains(&first.wrapping_add(to_link)))
    });
    let lock = locks.next();
    // If several words look like a lock, none is sure.
    Ok(lock.filter(|lock| locks.all(|other| other == *lock)))
}

/// Words of the left-out frames that are the task's own address.
fn words_that_are(stack: &Stack<'_>, task: u64) -> impl Iterator<Item = (usize, u64)> {
    let hidden = stack.words[..stack.hidden_words].iter().copied();
    hidden.enumerate().filter(move |(_, word)| *word == task)
}

/// Follows a list from one of its nodes to the node that is on no task's stack, which is the head.
/// `None` if this is no list, or one without a head.
fn off_stack(
    memory: &LinkMemory<'_>,
    link: u64,
    is_head: impl Fn(u64) -> bool,
) -> Result<Option<u64>, Unreadable> {
    let mut node = link;
    for _ in 0..MAX_WAITERS {
        let Some(next) = next(memory, node)? else {
            return Ok(None);
        };
        if next == link {
            return Ok(None);
        }
        if !(memory.is_on_stack)(next) && is_head(next) {
            return Ok(Some(next));
        }
        node = next;
    }
    Ok(None)
}

/// The nodes of a list that has no head, all of them on stacks. `None` if this is no such list.
fn ring(memory: &LinkMemory<'_>, link: u64) -> Result<Option<Vec<u64>>, Unreadable> {
    let mut nodes = vec![link];
    let mut node = link;
    for _ in 0..MAX_WAITERS {
        let Some(next) = next(memory, node)? else {
            return Ok(None);
        };
        if next == link {
            return Ok(Some(nodes));
        }
        if !(memory.is_on_stack)(next) {
            return Ok(None);
        }
        nodes.push(next);
        node = next;
    }
    Ok(None)
}

/// The node after `node`, if it points back.
fn next(memory: &LinkMemory<'_>, node: u64) -> Result<Option<u64>, Unreadable> {
    let next = match (memory.word)(node) {
        Ok(next) if is_kernel_address(next) && next % 8 == 0 => next,
        Ok(_) | Err(Unreadable::Fault(_)) => return Ok(None),
        Err(why) => return Err(why),
    };
    match (memory.word)(next.wrapping_add(8)) {
        Ok(back) => Ok((back == node).then_some(next)),
        Err(Unreadable::Fault(_)) => Ok(None),
        Err(why) => Err(why),
    }
}

/// Offsets of the fields of `wait_queue_entry`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    private: u64,
    func: u64,
    link: u64,
}

impl Entry {
    pub(super) fn of(
        offset: impl Fn(Field) -> Result<u64, Unreadable>,
    ) -> Result<Self, Unreadable> {
        Ok(Self {
            private: offset(Field::QueuePrivate)?,
            func: offset(Field::QueueFunc)?,
            link: offset(Field::QueueEntry)?,
        })
    }
}

/// `wait_queue_head.head` of the queue that a task is in, by an entry that `waker` is to wake. The
/// queue may have entries of other tasks that are on no stack (poll, epoll), so `is_head` decides
/// which node is the head.
pub(super) fn queue_of(
    memory: &LinkMemory<'_>,
    stack: &Stack<'_>,
    task: u64,
    entry: Entry,
    waker: u64,
    is_head: impl Fn(u64) -> bool,
) -> Result<Option<u64>, Unreadable> {
    let words = stack.words.iter().enumerate();
    for (at, _) in words.filter(|(_, word)| **word == task) {
        let begin = stack.address(at).wrapping_sub(entry.private);
        if (memory.word)(begin + entry.func) != Ok(waker) {
            continue;
        }
        if let Some(head) = off_stack(memory, begin + entry.link, &is_head)? {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
