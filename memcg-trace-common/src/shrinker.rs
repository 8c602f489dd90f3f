//! Shrinker runs, per shrinker, memcg and node.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Pointers that one run of the resolver looks up.
pub const RESOLVE_ROWS: usize = 64;
/// Bytes of a filesystem's name that are kept.
pub const FS_NAME_BYTES: usize = 24;

/// Key of the per-CPU map `SHRINKERS`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ShrinkerKey {
    /// Address of the `shrinker`.
    pub shrinker: u64,
    /// `css.serial_nr` of `shrink_control.memcg`; 0 where reclaim was global.
    pub memcg_serial_nr: u64,
    /// `shrink_control.nid`.
    pub node: u64,
}

/// What it did since the probes were attached.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ShrinkerCount {
    /// Entries into `do_shrink_slab`: more than the runs that scanned, since a shrinker with
    /// nothing to free is asked and left alone.
    pub calls: u64,
    /// `total_scan` of `mm_shrink_slab_start`.
    pub asked_objects: u64,
    /// `total_scan` of the start less that of the end.
    pub scanned_objects: u64,
    /// `shrinker_retval` of `mm_shrink_slab_end`.
    pub freed_objects: u64,
    /// Time between the two.
    pub time_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// A run that has begun, keyed by task.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ShrinkerRun {
    /// Who runs.
    pub key: ShrinkerKey,
    /// When it began.
    pub begin_ns: u64,
    /// `total_scan` of the start.
    pub total_scan: i64,
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
    /// Address of `super_cache_scan`, which tells a superblock's shrinker.
    pub super_cache_scan: u64,
    /// `shrinker` is the question, the rest the answer.
    pub row: [ShrinkerRow; RESOLVE_ROWS],
}
