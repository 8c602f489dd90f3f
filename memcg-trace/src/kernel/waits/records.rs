//! Waiter records: what a sleeper leaves on its own stack to be found and woken by.

use super::stacks::Stack;
use super::threads::Threads;
use crate::kernel::layout::fields::Field;
use crate::kernel::memory::Unreadable;
use crate::kernel::reader::{Reader, is_kernel_address};

/// Waiters of one lock that are followed.
const MOST_WAITERS: usize = 4096;

/// The fields of a kind of record: its link, and the word that is the task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) link: Field,
    pub(super) task: Field,
    /// The list of the lock, which it is linked into, where it has a head.
    pub(super) head: Field,
    /// The first record, where the list has no head (since 7.1); then the records are a ring.
    pub(super) first: Option<Field>,
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

/// The lock that a task waits for by a record of this shape in the frames that the kernel leaves
/// out of a stack. `None` if there is no such record, or it leads to no one lock.
pub(super) fn lock_of(
    reader: &Reader<'_>,
    threads: &Threads,
    stack: &Stack<'_>,
    task: u64,
    shape: Shape,
) -> Result<Option<u64>, Unreadable> {
    let to_task = reader.offset(shape.task)?;
    let to_link = reader.offset(shape.link)?;
    if reader.has(shape.head) {
        let head = reader.offset(shape.head)?;
        for (at, _) in words_that_are(stack, task) {
            let link = stack.address(at).wrapping_sub(to_task) + to_link;
            if let Some(end) = off_stack(reader, threads, link, |_| true)? {
                return Ok(Some(end.wrapping_sub(head)));
            }
        }
        return Ok(None);
    }
    let Some(first) = shape.first else {
        return Ok(None);
    };
    let first = reader.offset(first)?;
    for (at, _) in words_that_are(stack, task) {
        let record = stack.address(at).wrapping_sub(to_task);
        let Some(ring) = ring(reader, threads, record + to_link)? else {
            continue;
        };
        // The slow path has the lock at hand: a word of its frames is its address. Which one, the
        // lock itself says, for it names the first of the ring.
        for lock in stack.words.iter().filter(|word| is_kernel_address(**word)) {
            let first = reader.word_at(lock.wrapping_add(first));
            if first.is_ok_and(|first| ring.contains(&first.wrapping_add(to_link))) {
                return Ok(Some(*lock));
            }
        }
    }
    Ok(None)
}

/// Words of the frames that were left out that are the task's own address.
fn words_that_are(stack: &Stack<'_>, task: u64) -> impl Iterator<Item = (usize, u64)> {
    let hidden = stack.words[..stack.hidden_words].iter().copied();
    hidden.enumerate().filter(move |(_, word)| *word == task)
}

/// Follows a list from one of its nodes to the node that is on nobody's stack and is a head.
/// `None` if it is no list, or one without a head.
fn off_stack(
    reader: &Reader<'_>,
    threads: &Threads,
    link: u64,
    is_head: impl Fn(u64) -> bool,
) -> Result<Option<u64>, Unreadable> {
    let mut node = link;
    for _ in 0..MOST_WAITERS {
        let Some(next) = next(reader, node)? else {
            return Ok(None);
        };
        if next == link {
            return Ok(None);
        }
        if threads.by_stack(next).is_none() && is_head(next) {
            return Ok(Some(next));
        }
        node = next;
    }
    Ok(None)
}

/// The nodes of a list that has no head, all of them on stacks. `None` if it is none.
fn ring(reader: &Reader<'_>, threads: &Threads, link: u64) -> Result<Option<Vec<u64>>, Unreadable> {
    let mut nodes = vec![link];
    let mut node = link;
    for _ in 0..MOST_WAITERS {
        let Some(next) = next(reader, node)? else {
            return Ok(None);
        };
        if next == link {
            return Ok(Some(nodes));
        }
        if threads.by_stack(next).is_none() {
            return Ok(None);
        }
        nodes.push(next);
        node = next;
    }
    Ok(None)
}

/// The node after one, if that one points back.
fn next(reader: &Reader<'_>, node: u64) -> Result<Option<u64>, Unreadable> {
    let next = match reader.word_at(node) {
        Ok(next) if is_kernel_address(next) && next % 8 == 0 => next,
        Ok(_) | Err(Unreadable::Fault(_)) => return Ok(None),
        Err(why) => return Err(why),
    };
    match reader.word_at(next.wrapping_add(8)) {
        Ok(back) => Ok((back == node).then_some(next)),
        Err(Unreadable::Fault(_)) => Ok(None),
        Err(why) => Err(why),
    }
}

/// `wait_queue_head.head` of the queue that a task is in by an entry that `waker` is to wake. There may be entries of
/// others in it that are on no stack (poll, epoll): `is_head` knows.
pub(super) fn queue_of(
    reader: &Reader<'_>,
    threads: &Threads,
    stack: &Stack<'_>,
    task: u64,
    waker: u64,
    is_head: impl Fn(u64) -> bool,
) -> Result<Option<u64>, Unreadable> {
    let to_task = reader.offset(Field::QueuePrivate)?;
    let to_func = reader.offset(Field::QueueFunc)?;
    let to_link = reader.offset(Field::QueueEntry)?;
    let entries = stack.words.iter().enumerate();
    for (at, _) in entries.filter(|(_, word)| **word == task) {
        let entry = stack.address(at).wrapping_sub(to_task);
        if reader.word_at(entry + to_func) != Ok(waker) {
            continue;
        }
        if let Some(head) = off_stack(reader, threads, entry + to_link, &is_head)? {
            return Ok(Some(head));
        }
    }
    Ok(None)
}
