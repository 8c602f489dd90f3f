//! Owner words of locks.

/// Flags in owner words (kernel/locking/mutex.h, rwsem.c).
const OWNER_FLAGS: u64 = 7;
/// `MUTEX_FLAG_WAITERS`: set as long as the mutex has waiters.
const MUTEX_WAITERS: u64 = 1;
/// `rw_semaphore.count` (kernel/locking/rwsem.c).
const WRITER_LOCKED: u64 = 1;
const RWSEM_WAITERS: u64 = 2;
const READERS_SHIFT: u32 = 8;

/// Holders of a lock that has waiters. Tasks are addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// The lock is free at the moment.
    ByNobody,
    /// This task alone holds it.
    By(u64),
    /// So many readers hold it, of which `last` was the last one to come.
    ForReading {
        /// May have released the lock: the owner word may be stale (kernel/locking/rwsem.c).
        last: u64,
        readers: u64,
    },
}

impl Held {
    fn by(word: u64) -> Self {
        match task(word) {
            0 => Self::ByNobody,
            task => Self::By(task),
        }
    }
}

/// The task in an owner word; 0 for none.
pub(super) fn task(word: u64) -> u64 {
    word & !OWNER_FLAGS
}

/// The holder by `mutex.owner`; `None` if the mutex has no waiters.
pub(super) fn of_mutex(word: u64) -> Option<Held> {
    (word & MUTEX_WAITERS != 0).then(|| Held::by(word))
}

/// The holders by `rw_semaphore.count` and `owner`; `None` if the lock has no waiters.
pub(super) fn of_rwsem(count: u64, word: u64) -> Option<Held> {
    let readers = count >> READERS_SHIFT;
    if count & RWSEM_WAITERS == 0 {
        None
    } else if count & WRITER_LOCKED != 0 {
        Some(Held::by(word))
    } else if readers != 0 {
        let last = task(word);
        Some(Held::ForReading { last, readers })
    } else {
        Some(Held::ByNobody)
    }
}
