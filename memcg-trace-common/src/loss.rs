//! Losses: what could not be counted. One counter each, per CPU, in the map `LOSSES`.

/// Places where a figure can be lost in the kernel; the index into `LOSSES`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The ring buffer of memcg events was full.
    MemcgRing = 0,
    /// The map of slab counters was full.
    SlabMap = 1,
    /// An object whose slab page or vector could not be read or made no sense.
    SlabRead = 2,
    /// Objects of one bulk call beyond those that a program can count.
    SlabBulk = 3,
    /// The map of shrinker counters was full.
    ShrinkerMap = 4,
    /// More shrinker runs at once than the map of running ones holds, or an end without a start.
    ShrinkerRun = 5,
    /// The map of lock counters was full.
    LockMap = 6,
    /// More waits at once than the map of waits holds.
    LockWait = 7,
    /// More holds, memory that goes offline or core dumps at once than their maps hold.
    Hold = 8,
    /// More places at which locks were released than their map holds.
    LockStack = 9,
    /// The map of reclaim counters was full.
    ReclaimMap = 10,
    /// More tasks in reclaim at once than the map of them holds.
    ReclaimRun = 11,
    /// A map of durations was full: what is missing has no percentiles.
    TimesMap = 12,
    /// The ring buffer of OOM kills was full.
    OomRing = 13,
}

impl Loss {
    /// All losses, in the order of their index, with their names in records.
    pub const ALL: [(Self, &'static str); 14] = [
        (Self::MemcgRing, "memcg_ring"),
        (Self::SlabMap, "slab_map"),
        (Self::SlabRead, "slab_read"),
        (Self::SlabBulk, "slab_bulk"),
        (Self::ShrinkerMap, "shrinker_map"),
        (Self::ShrinkerRun, "shrinker_run"),
        (Self::LockMap, "lock_map"),
        (Self::LockWait, "lock_wait"),
        (Self::Hold, "lock_hold"),
        (Self::LockStack, "lock_stack"),
        (Self::ReclaimMap, "reclaim_map"),
        (Self::ReclaimRun, "reclaim_run"),
        (Self::TimesMap, "times_map"),
        (Self::OomRing, "oom_ring"),
    ];
}
