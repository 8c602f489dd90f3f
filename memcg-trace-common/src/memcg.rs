//! Memory cgroups: rows of the walk, and lifecycle events.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::COMM_BYTES;

/// Bytes for a cgroup's name and its final NUL (NAME_MAX is 255).
pub const NAME_BYTES: usize = 256;
/// Rows that one run of the walk hands over.
pub const WALK_ROWS: usize = 64;
/// A figure that could not be read.
pub const ABSENT_BYTES: i64 = i64::MIN;
/// Pages that could not be counted.
pub const ABSENT_PAGES: i64 = -1;
/// Css_sets and children that this kernel does not count.
pub const ABSENT_POPULATED: u32 = u32::MAX;
/// The same for [`MemcgRow::cgroup_populated`].
pub const ABSENT_CGROUP_POPULATED: u64 = u64::MAX;
/// Levels of the hierarchy at which the walk can resume after a pause.
pub const WALK_DEPTH: usize = 64;

/// `css.flags` (include/linux/cgroup-defs.h), the same on all kernels.
pub mod css_flags {
    /// The css has been brought online, and not yet taken offline.
    pub const ONLINE: u32 = 1 << 1;
    /// The css has left its parent's list; its memory is freed soon.
    pub const RELEASED: u32 = 1 << 2;
    /// The css has been killed: its directory is gone, or the controller was switched off.
    pub const DYING: u32 = 1 << 4;
}

/// One memory cgroup as the walk saw it.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct MemcgRow {
    /// Address of the css, which is that of the `mem_cgroup`: a key while it lives.
    pub css: u64,
    /// `css.serial_nr`: the identity. It is unique in this boot.
    pub serial_nr: u64,
    /// The parent's `css.serial_nr`; 0 for the root.
    pub parent_serial_nr: u64,
    /// Inode number of the cgroup's directory (`kernfs_node.id`).
    pub cgroup_id: u64,
    /// `percpu_ref_data.count`: exact once the kill is confirmed.
    pub refs: i64,
    /// `percpu_ref.percpu_count_ptr`: bit 0 atomic mode, bit 1 dead.
    pub ref_mode: u64,
    /// `percpu_ref_data.confirm_switch`: not 0 while a kill awaits its grace period.
    pub ref_confirm: u64,
    /// `memory.usage`.
    pub usage_pages: u64,
    /// `memory.high`.
    pub high_pages: u64,
    /// `memory.max`.
    pub max_pages: u64,
    /// `memory.low`; `ABSENT_PAGES` where it could not be read.
    pub low_pages: i64,
    /// Reclaimable slab, the kernel's own figure as of its last flush.
    pub slab_reclaimable_bytes: i64,
    /// Unreclaimable slab, as of the last flush.
    pub slab_unreclaimable_bytes: i64,
    /// All memory of the kernel, slab included, as of the last flush.
    pub kmem_pages: i64,
    /// Css_sets with tasks, and children with tasks below them, of the cgroup itself: the kernel's
    /// own test of `cgroup_is_populated()`.
    pub cgroup_populated: u64,
    /// `css.id`.
    pub css_id: u32,
    /// `css.flags`.
    pub flags: u32,
    /// Populated css_sets and children of the css, as 7.x counts them.
    pub populated: u32,
    /// Bytes of `name` in use, without the NUL.
    pub name_bytes: u32,
    /// The last component of its path.
    pub name: [u8; NAME_BYTES],
}

/// State of the walk between two runs, and the rows of the last run.
///
/// Between two runs nothing keeps `at` alive: the next run continues with it only if its serial
/// number is still the same and it has not been released. Otherwise it finds the place again by
/// `path`, as the kernel itself does (kernel/cgroup/cgroup.c: css_next_child()).
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct MemcgWalk {
    /// The css to continue with; 0 to start.
    pub at: u64,
    /// Its serial number.
    pub at_serial_nr: u64,
    /// Its depth below the root.
    pub depth: u32,
    /// The next step: a [`WalkStep`].
    pub step: u32,
    /// Depth of the place, and the step there, while the walk searches for it.
    pub sought_depth: u32,
    /// See `sought_depth`.
    pub sought_step: u32,
    /// Rows in use.
    pub rows: u32,
    /// Not 0 when the walk is complete.
    pub done: u32,
    /// Steps since the start, for a bound.
    pub steps: u64,
    /// Times that a place had to be searched for.
    pub resumed: u64,
    /// Subtrees that were not entered, since they are deeper than [`WALK_DEPTH`], and lists that
    /// could not be read.
    pub skipped: u64,
    /// The serial numbers from the root to `at`.
    pub path: [u64; WALK_DEPTH],
    /// The rows.
    pub row: [MemcgRow; WALK_ROWS],
}

/// The next step of the walk, with the css `at`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkStep {
    /// Emit a row for the css, then go to its first child.
    Visit = 0,
    /// The css and all its descendants have been seen: go to its next sibling, or up.
    Next = 1,
    /// The css is on the path to the place searched for: go to its first child and search there.
    SeekDown = 2,
    /// The css may be the place, or on the path to the place, or a sibling before it.
    SeekAcross = 3,
}

/// Kind of a lifecycle event.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemcgEventKind {
    /// The memcg can be used from now on (`mem_cgroup_css_online`).
    Online = 1,
    /// The memcg is a zombie from now on, if it was not one before (`mem_cgroup_css_offline`).
    Offline = 2,
    /// Nothing refers to the memcg any more (`mem_cgroup_css_released`).
    Released = 3,
    /// The memory of the `mem_cgroup` is freed (`mem_cgroup_css_free`).
    Freed = 4,
}

/// A lifecycle event of a memory cgroup, in the ring buffer `LIFE`.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct LifeRecord {
    /// Time of the event, CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// As in [`MemcgRow`].
    pub serial_nr: u64,
    /// As in [`MemcgRow`].
    pub parent_serial_nr: u64,
    /// As in [`MemcgRow`].
    pub cgroup_id: u64,
    /// Address of the css.
    pub css: u64,
    /// For [`MemcgEventKind::Offline`]: pages on the memcg's own LRU lists of all NUMA nodes, before the
    /// kernel moves them; else [`ABSENT_PAGES`].
    pub lru_pages: i64,
    /// As in [`MemcgRow`].
    pub css_id: u32,
    /// A [`MemcgEventKind`].
    pub kind: u32,
    /// Process in whose context the event happened: for [`MemcgEventKind::Online`], the creator.
    pub pid: u32,
    /// Bytes of `name` in use.
    pub name_bytes: u32,
    /// Name of the process.
    pub comm: [u8; COMM_BYTES],
    /// The cgroup's name.
    pub name: [u8; NAME_BYTES],
}
