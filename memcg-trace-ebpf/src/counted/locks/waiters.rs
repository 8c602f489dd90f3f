//! Queued waiters of a lock.

use memcg_trace_common::lock::flags;

use crate::layout::constants::{AT_BASE, has_cast, load};
use crate::layout::read::{LAYOUT, has, offset, read};

/// A cursor in the list of waiters of a lock, for each kind of lock.
pub struct Waiters {
    /// Entry to stop at: the head of the list, or the first of a ring.
    end: u64,
    /// The entry to read next; 0 if the list is empty or cannot be read.
    at: u64,
    /// Offset from an entry to its task.
    task: u64,
    /// Whether `end` itself is a waiter, and has not been returned yet.
    ring: bool,
}

impl Waiters {
    /// Bound on the waiters of one lock that are returned.
    pub const MAX_RETURNED: u32 = 16;

    /// Until 7.0 a lock has the head of a list, later the first waiter of a ring. `None` if this
    /// kernel has neither, or the kind of lock is unknown.
    #[inline(always)]
    pub fn of(lock: u64, kind: u32) -> Option<Self> {
        if kind & flags::PERCPU != 0 {
            let task = offset(&LAYOUT.queue_private).wrapping_sub(offset(&LAYOUT.queue_entry));
            return Self::list(lock, &LAYOUT.percpu_waiters, task);
        }
        let task = offset(&LAYOUT.waiter_task).wrapping_sub(offset(&LAYOUT.waiter_list));
        let (list, first) = if kind & flags::MUTEX != 0 {
            (&LAYOUT.mutex_wait_list, &LAYOUT.mutex_first_waiter)
        } else if kind & flags::RWSEM != 0 {
            (&LAYOUT.rwsem_wait_list, &LAYOUT.rwsem_first_waiter)
        } else {
            return None;
        };
        if has(list) {
            return Self::list(lock, list, task);
        }
        if !has(first) {
            return None;
        }
        let first = word(lock + offset(first))?;
        let at = if first == 0 {
            0
        } else {
            first + offset(&LAYOUT.waiter_list)
        };
        Some(Self {
            end: at,
            at,
            task,
            ring: first != 0,
        })
    }

    #[inline(always)]
    fn list(lock: u64, list: &u32, task: u64) -> Option<Self> {
        if !has(list) {
            return None;
        }
        let end = lock + offset(list);
        Some(Self {
            end,
            at: word(end)?,
            task,
            ring: false,
        })
    }

    /// Address of the next waiting task; 0 after the last.
    #[inline(always)]
    pub fn next(&mut self) -> u64 {
        if self.at == 0 || (self.at == self.end && !self.ring) {
            return 0;
        }
        self.ring = false;
        let task = word(self.at.wrapping_add(self.task)).unwrap_or(0);
        self.at = word(self.at).unwrap_or(0);
        task
    }
}

/// Reads a word, in the cheapest way that this kernel has.
#[inline(always)]
fn word(address: u64) -> Option<u64> {
    if has_cast() {
        Some(load::<AT_BASE>(address))
    } else {
        read(address)
    }
}
