//! Shrinker runs, per shrinker, memcg and node.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Pointers that one run of the resolver looks up. The kernel verifies each iteration anew.
pub const RESOLVE_ROWS: usize = 8;
/// Bytes of a filesystem's name that are kept.
pub const FS_NAME_BYTES: usize = 24;

/// Number of priorities of reclaim (mm/vmscan.c: DEF_PRIORITY), 0 among them.
pub const PRIORITIES: usize = 13;
/// From this priority on pressure is light: at most a thousandth of a cache is due.
pub const LIGHT_PRIORITY: u32 = 10;

/// Rows of the map `SHRINKERS`.
pub const SHRINKER_ROWS: u32 = 8192;

/// Key of the per-CPU map `SHRINKERS` and of `SHRINKER_TIMES`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ShrinkerKey {
    /// Address of the `shrinker`.
    pub shrinker: u64,
    /// `css.serial_nr` of `shrink_control.memcg`; 0 where reclaim was global.
    pub memcg_serial_nr: u64,
    /// Caller of reclaim, as in `ReclaimKey`.
    pub caller: u64,
    /// `shrink_control.nid`.
    pub node: u32,
    /// How reclaim began, one of `reclaim::kind`.
    pub kind: u32,
}

/// Sums since the probes were attached.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ShrinkerCount {
    /// Entries into `do_shrink_slab`: more than the runs that scanned, since a shrinker with
    /// nothing to free is asked and then skipped.
    pub calls: u64,
    /// `total_scan` of `mm_shrink_slab_start`.
    pub asked_objects: u64,
    /// `total_scan` of the start less that of the end.
    pub scanned_objects: u64,
    /// `shrinker_retval` of `mm_shrink_slab_end`.
    pub freed_objects: u64,
    /// Time between start and end.
    pub time_ns: u64,
    /// The longest run.
    pub max_ns: u64,
    /// Runs: pairs of start and end.
    pub runs: u64,
    /// When the next two figures were read, CLOCK_MONOTONIC; 0 if never.
    pub seen_ns: u64,
    /// `cache_items` of the last start.
    pub freeable_objects: u64,
    /// `new_scan` of the last end: deferred to a later run.
    pub deferred_objects: u64,
    /// Objects that runs at [`LIGHT_PRIORITY`] or above scanned.
    pub light_scanned_objects: u64,
    /// Objects that such runs freed.
    pub light_freed_objects: u64,
    /// Objects of the cache that were due in such runs, by its size, the priority and
    /// `shrinker.seeks`.
    pub light_due_objects: u64,
    /// Objects deferred by earlier runs that such runs had to make up for.
    pub light_deferred_objects: u64,
    /// Runs by priority, and a word of padding.
    pub priorities: [u32; PRIORITIES + 1],
}

/// A run that has begun, keyed by task.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ShrinkerRun {
    /// Key of the run.
    pub key: ShrinkerKey,
    /// Start of the run.
    pub begin_ns: u64,
    /// `total_scan` of the start.
    pub total_scan: i64,
    /// `cache_items` of the start.
    pub freeable_objects: u64,
    /// `nr_objects_to_shrink` of the start: deferred by earlier runs.
    pub deferred_objects: u64,
    /// Objects due (mm/shrinker.c: do_shrink_slab(), before anything is added).
    pub due_objects: u64,
    /// Priority of the run.
    pub priority: u64,
    /// Address of its task.
    pub task: u64,
    /// Time that the task had run outside the kernel when the run began.
    pub user_ns: u64,
    /// Name of the task.
    pub comm: [u8; 16],
}

/// A shrinker, read by the resolver.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ShrinkerRow {
    /// Address of the `shrinker`, as asked.
    pub shrinker: u64,
    /// Address of its `scan_objects`; 0 if it could not be read.
    pub scan_objects: u64,
    /// Address of its `count_objects`.
    pub count_objects: u64,
    /// `shrinker.flags`.
    pub flags: u32,
    /// `super_block.s_dev`, if this is a superblock's shrinker.
    pub dev: u32,
    /// `file_system_type.name`, likewise; NUL-terminated.
    pub fs: [u8; FS_NAME_BYTES],
}

/// Question and answer of the shrinker resolver.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ShrinkerAsk {
    /// Rows to look up.
    pub rows: u64,
    /// Address of `super_cache_scan`, which identifies a superblock's shrinker.
    pub super_cache_scan: u64,
    /// `shrinker` is the question, the rest the answer.
    pub row: [ShrinkerRow; RESOLVE_ROWS],
}
