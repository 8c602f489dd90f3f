//! Owner words: who has a lock, by the lock's own words.

/// Flags in owner words (kernel/locking/mutex.h, rwsem.c).
const OWNER_FLAGS: u64 = 7;
/// `MUTEX_FLAG_WAITERS`: set as long as somebody is in the list.
const MUTEX_WAITERS: u64 = 1;
/// `rw_semaphore.count` (kernel/locking/rwsem.c).
const WRITER_LOCKED: u64 = 1;
const RWSEM_WAITERS: u64 = 2;
const READERS_SHIFT: u32 = 8;

/// Who has a lock that somebody waits for. Tasks are addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Nobody, for now.
    ByNobody,
    /// This task alone.
    By(u64),
    /// That many readers, of which this was the last one to come.
    ForReading {
        /// It need not have it any more: its word may be stale (kernel/locking/rwsem.c).
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

/// By `mutex.owner`; `None` if nobody waits for it.
pub(super) fn of_mutex(word: u64) -> Option<Held> {
    (word & MUTEX_WAITERS != 0).then(|| Held::by(word))
}

/// By `rw_semaphore.count` and `owner`; `None` if nobody waits for it.
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
