//! Losses: what could not be counted. One counter each, per CPU, in the map `LOSSES`.

/// Makes the enum and the list of all of it, so that no loss is missing in the list.
macro_rules! losses {
    ($($(#[doc = $doc:literal])+ $loss:ident, $name:literal;)+) => {
        /// Places where a figure can be lost in the kernel; the index into `LOSSES`.
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Loss {
            $($(#[doc = $doc])+ $loss,)+
        }

        impl Loss {
            /// All losses, in the order of their index, with their names in records.
            pub const ALL: &[(Self, &'static str)] = &[$((Self::$loss, $name)),+];
        }
    };
}

losses! {
    /// The ring buffer of memcg events was full.
    MemcgRing, "memcg_ring";
    /// The map of slab counters was full.
    SlabMap, "slab_map";
    /// An object whose slab page or vector could not be read or made no sense.
    SlabRead, "slab_read";
    /// Objects of one bulk call beyond those that a program can count.
    SlabBulk, "slab_bulk";
    /// The map of shrinker counters was full.
    ShrinkerMap, "shrinker_map";
    /// More shrinker runs at once than the map of running ones holds, or an end without a start.
    ShrinkerRun, "shrinker_run";
    /// The map of lock counters was full.
    LockMap, "lock_map";
    /// More waits at once than the map of waits holds.
    LockWait, "lock_wait";
    /// More holds, memory that goes offline or core dumps at once than their maps hold.
    Hold, "lock_hold";
    /// More places at which locks were released than their map holds.
    LockStack, "lock_stack";
    /// The map of reclaim counters was full.
    ReclaimMap, "reclaim_map";
    /// More tasks in reclaim at once than the map of them holds.
    ReclaimRun, "reclaim_run";
    /// A map of durations was full: what is missing has no percentiles.
    TimesMap, "times_map";
    /// The ring buffer of OOM kills was full.
    OomRing, "oom_ring";
    /// More call sites of allocations than their map holds: their allocations are not counted.
    CallerMap, "caller_map";
    /// More objects alive at once than the map holds that follows them.
    CallerObjects, "caller_objects";
}
