//! What a source hands over: plain facts of one interval, as the kernel gave them.
//!
//! A sample holds no rate, no path and no verdict: those are derived by [`crate::model`], the
//! same way for a live kernel and for a recording of one. Every part is optional: `None` is
//! "not looked at in this interval", and [`Sample::absent`] says why where it never will be.

pub mod ask;
pub mod doctor;
mod dying;
mod holds;
pub mod pins;
pub mod reclaim;
pub mod recording;
pub mod slab_inside;
pub mod slab_walk;
mod tax;
mod text;
pub mod waits;

use serde::{Deserialize, Serialize};

pub use dying::{DyingCgroup, DyingCgroups};
pub use holds::{LockHold, LockHolder, LockRelease, LockTimes, TimeClass, percentile};
pub use tax::Tax;
pub use text::{Text, tame};

/// The facts of one interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// When the sample was complete, CLOCK_MONOTONIC.
    pub mono_ns: u64,
    /// The same moment, nanoseconds since 1970.
    pub unix_ns: i64,
    /// All memory cgroups, if a walk ended in this interval.
    pub memcgs: Option<MemcgWalk>,
    /// Dead cgroups without a memory cgroup, if they were counted in this interval.
    pub dying: Option<DyingCgroups>,
    /// What happened to memory cgroups, oldest first.
    pub life: Option<Vec<Life>>,
    /// Slab objects charged and uncharged.
    pub slab: Option<Slab>,
    /// Shrinkers that ran.
    pub shrinkers: Option<Vec<Shrinker>>,
    /// Waits for locks.
    pub locks: Option<Locks>,
    /// What dead memory cgroups cost.
    pub tax: Option<Tax>,
    /// Reclaim: who waits for it, and from whom memory is taken.
    pub reclaim: Option<reclaim::Reclaim>,
    /// Whom the kernel killed for memory, oldest first.
    pub oom_kills: Option<Vec<reclaim::OomKill>>,
    /// Who pins the zombies that were asked about.
    pub pins: Option<pins::Pins>,
    /// Who waits for whom.
    pub waits: Option<waits::Waits>,
    /// Who holds slab memory, if that was asked for.
    pub slab_walk: Option<slab_walk::SlabWalk>,
    /// What the objects of one cache are, if that was asked for.
    pub slab_inside: Option<slab_inside::SlabInside>,
    /// What was lost since the start.
    pub losses: Vec<Loss>,
    /// Sections that this source does not have, and why.
    pub absent: Vec<Absent>,
}

impl Sample {
    /// Whether it is nothing but the answer to a question, between two samples in turn.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        let has_others = self.memcgs.is_some()
            || self.dying.is_some()
            || self.life.is_some()
            || self.slab.is_some()
            || self.shrinkers.is_some()
            || self.locks.is_some()
            || self.tax.is_some()
            || self.reclaim.is_some();
        let is_answered = self.pins.is_some()
            || self.waits.is_some()
            || self.slab_walk.is_some()
            || self.slab_inside.is_some();
        is_answered && !has_others
    }
}

/// A section that cannot be had here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Absent {
    /// Its name: `memcg`, `slab`, `shrinker`, `lock`, `tax`, `reclaim`, `pins`, `waits`,
    /// `slab_walk`, `slab_inside`.
    pub section: String,
    /// One line.
    pub reason: String,
}

/// A counter of things that could not be counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Loss {
    /// Where.
    #[serde(rename = "where")]
    pub place: String,
    /// How many since the start; `None` where the kernel does not say.
    pub lost_total: Option<u64>,
}

/// All memory cgroups at about one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemcgWalk {
    /// When the walk began and ended, CLOCK_MONOTONIC. What was born or died in between may be
    /// in it or not; the events say.
    pub begin_ns: u64,
    /// See `begin_ns`.
    pub end_ns: u64,
    /// Time that the walk itself took of a CPU.
    pub took_ns: u64,
    /// Set where a bound stopped the walk: so many were seen.
    pub truncated_at: Option<u64>,
    /// Whether this kernel gives the LRU pages of a dead memcg to its parent (7.1 and later:
    /// mm/memcontrol.c: memcg_reparent_objcgs()); `None` where that is not known.
    pub reparents_lru: Option<bool>,
    /// Parents before children.
    pub rows: Vec<Memcg>,
}

/// One memory cgroup, dead or alive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memcg {
    /// `css.serial_nr`: its identity for this boot.
    pub serial_nr: u64,
    /// The parent's; `None` for the root.
    pub parent_serial_nr: Option<u64>,
    /// Inode number of its directory.
    pub cgroup_id: u64,
    /// `css.id`.
    pub css_id: u32,
    /// Last component of its path; empty for the root.
    pub name: Text,
    /// `css.flags` (include/linux/cgroup-defs.h).
    pub flags: u32,
    /// `css.refcnt` is dead: it has been killed.
    pub killed: bool,
    /// The kill is confirmed, from when on `refs` is exact.
    pub confirmed: bool,
    /// References; `None` while they are spread over the CPUs.
    pub refs: Option<i64>,
    /// Kernels that let a dying cgroup drain (7.x): css_sets and children with tasks in them.
    pub populated: Option<u32>,
    /// `memory.usage`, with everything below. On a dead memcg it is stale.
    pub usage_bytes: Option<u64>,
    /// `memory.high`; unlimited is what the kernel makes of it, 2^63 less a page.
    pub high_bytes: Option<u64>,
    /// `memory.max`, likewise.
    pub max_bytes: Option<u64>,
    /// Slab, with everything below, as of the kernel's last flush (2 s).
    pub slab_bytes: Option<u64>,
    /// All memory of the kernel, slab included, likewise (`kernel` of `memory.stat`); `None` on
    /// kernels that keep no such sum (until 5.17).
    pub kmem_bytes: Option<u64>,
    /// Of a dead one: pages on its own LRU lists, unevictable ones included.
    pub lru_pages: Option<u64>,
    /// Of a dead one: pages in swap that are charged to it.
    pub swap_entries: Option<u64>,
    /// Of a dead one: the memory of the kernel that it takes by itself.
    pub own_cost_bytes: Option<u64>,
}

/// What happened to a memory cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifeKind {
    /// It was made.
    Online,
    /// It was taken offline: it is dead, and charges nothing from now on.
    Offline,
    /// Nothing refers to it any more.
    Released,
    /// Its memory goes.
    Freed,
    /// A kind that this version does not know.
    #[serde(other)]
    Other,
}

/// One event of the life of a memory cgroup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// What.
    pub kind: LifeKind,
    /// When, CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// As in [`Memcg`].
    pub serial_nr: u64,
    /// As in [`Memcg`].
    pub parent_serial_nr: Option<u64>,
    /// As in [`Memcg`].
    pub cgroup_id: u64,
    /// As in [`Memcg`].
    pub css_id: u32,
    /// As in [`Memcg`].
    pub name: Text,
    /// The process on whose time it happened.
    pub pid: u32,
    /// Its name.
    pub comm: Text,
    /// Of [`LifeKind::Offline`]: pages that were on its own LRU lists then; `None` where that
    /// could not be read. Whether they went to its parent: [`MemcgWalk::reparents_lru`].
    #[serde(default)]
    pub lru_pages: Option<u64>,
}

/// Slab objects, counted where they are charged and uncharged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Slab {
    /// When the counters were read.
    pub as_of_ns: u64,
    /// Time that reading them took.
    pub took_ns: u64,
    /// The counters that moved since the last sample.
    pub counts: Vec<SlabCount>,
    /// Caches that appear for the first time.
    pub caches: Vec<Cache>,
}

/// Objects of one cache that one object cgroup was charged for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlabCount {
    /// The object cgroup: a key, since its memcg changes when that goes offline.
    pub objcg: u64,
    /// The cache, see [`Slab::caches`].
    pub cache: u64,
    /// Whose object cgroup it is at `as_of_ns`; `None` if it could not be read.
    pub memcg_serial_nr: Option<u64>,
    /// Charged since the start.
    pub alloc_total: u64,
    /// Uncharged since the start.
    pub free_total: u64,
}

/// A slab cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cache {
    /// Its key in [`SlabCount`].
    pub cache: u64,
    /// `kmem_cache.name`.
    pub name: Text,
    /// What one object takes in the slab (`kmem_cache.size`).
    pub size_bytes: u32,
    /// What was asked for (`kmem_cache.object_size`).
    pub object_bytes: u32,
}

/// What one shrinker did for one memcg on one node, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shrinker {
    /// Its key.
    pub shrinker: u64,
    /// Symbol of its `scan_objects`; `None` if there is none at that address.
    pub name: Option<String>,
    /// Filesystem, where it is the shrinker of a superblock.
    pub fs: Option<Text>,
    /// Its device, `major:minor`.
    pub dev: Option<String>,
    /// Whether it looks at one memcg at a time (`SHRINKER_MEMCG_AWARE`).
    pub memcg_aware: Option<bool>,
    /// For whom; `None` where reclaim was global.
    pub memcg_serial_nr: Option<u64>,
    /// NUMA node.
    pub node: u32,
    /// Entries into `do_shrink_slab`; `None` where that cannot be observed.
    pub calls_total: Option<u64>,
    /// Objects it was to scan (`mm_shrink_slab_start`'s `total_scan`).
    pub asked_objects_total: u64,
    /// Objects it scanned.
    pub scanned_objects_total: u64,
    /// Objects it freed.
    pub freed_objects_total: u64,
    /// Time it took.
    pub time_ns_total: u64,
    /// The longest run.
    pub max_ns: u64,
    /// Why.
    pub cause: reclaim::Cause,
    /// The median of its runs; within an eighth. `None` without runs, or where some were lost.
    pub p50_ns: Option<u64>,
    /// What one run in a hundred is longer than; likewise.
    pub p99_ns: Option<u64>,
    /// Runs that found something to free.
    pub runs_total: Option<u64>,
    /// What there was to free when the last of them began.
    pub freeable_objects: Option<u64>,
    /// What was put off to later runs when the last of them ended.
    pub deferred_objects: Option<u64>,
    /// Runs by the priority of reclaim, from 0, the most urgent.
    pub priorities: Vec<u64>,
    /// What it did under light pressure; `None` where that was not counted.
    pub light: Option<LightScan>,
}

/// What a shrinker did while reclaim had a priority of 10 or more: then a cache is to lose a
/// thousandth of itself at a time, or less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LightScan {
    /// Objects that are due, by the number of those that can be freed, the priority and
    /// `shrinker.seeks` (mm/shrinker.c: do_shrink_slab()).
    pub due_objects_total: u64,
    /// Objects that earlier runs had put off.
    pub deferred_objects_total: u64,
    /// Objects it scanned.
    pub scanned_objects_total: u64,
    /// Objects it freed.
    pub freed_objects_total: u64,
}

/// The serial number that rows have of memcgs that are gone, and whose own rows made room for those
/// of others; the kernel's begin at 1.
pub const GONE_SERIAL_NR: u64 = 0;

/// Waits for locks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Locks {
    /// When they were read.
    pub as_of_ns: u64,
    /// Waits that go on.
    pub waits: Vec<LockWait>,
    /// Waits that ended since the start.
    pub counts: Vec<LockCount>,
    /// How long they lasted, by lock.
    pub times: Vec<LockTimes>,
    /// Who let go of locks that others waited for; `None` where that is not observed.
    pub releases: Option<Vec<LockRelease>>,
    /// How locks were held, where that is traced.
    pub holds: Vec<LockHold>,
}

/// What kind of thing is waited for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// `struct mutex`.
    Mutex,
    /// `struct rw_semaphore`.
    Rwsem,
    /// `struct percpu_rw_semaphore`.
    PercpuRwsem,
    /// `struct rt_mutex`.
    RtMutex,
    /// `struct semaphore`.
    Semaphore,
    /// References to a page that must go before it can be moved (mm/memory_hotplug.c:
    /// do_migrate_range()).
    PageRef,
    /// Room in a full pipe, or bytes in an empty one.
    Pipe,
    /// `struct completion`.
    Completion,
    /// `struct wait_queue_head` of which no more is known.
    WaitQueue,
    /// The dying tasks of a cgroup (kernel/cgroup/cgroup.c: cgroup_drain_dying()).
    CgroupDrain,
    /// The other tasks of a pid namespace (kernel/pid_namespace.c: zap_pid_ns_processes()).
    PidNsDrain,
    /// The reaping of a zombie task by its parent.
    Reap,
    /// A child that ends (kernel/exit.c: do_wait()).
    ChildExit,
    /// A work item or a workqueue that is flushed.
    Work,
    /// A grace period of RCU.
    Rcu,
    /// A device.
    Io,
    /// Active references to a node of kernfs (fs/kernfs/dir.c: kernfs_drain()).
    Kernfs,
    /// References of a `percpu_ref` that is killed.
    PercpuRef,
    /// The answer of a file system in user space (fs/fuse/dev.c: request_wait_answer()).
    Fuse,
    /// A word in user memory.
    Futex,
    /// Whoever froze the task and may thaw it.
    Freezer,
    /// Time that `memory.high` or `cpu.max` makes a task wait.
    Throttle,
    /// The answer to a permission event (fs/notify/fanotify/fanotify.c: fanotify_get_response()).
    Fanotify,
    /// The other threads of a process, which have to end or to stop (fs/exec.c: de_thread(),
    /// fs/coredump.c: coredump_wait()).
    Threads,
    /// A core that is dumped, which the other threads wait for (kernel/exit.c:
    /// coredump_task_exit()).
    CoreDump,
    /// All that is queued in a workqueue.
    Workqueue,
    /// Not known, or not known to this version.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its symbol, where it is a variable of the kernel.
    pub name: Option<String>,
    /// Its address.
    pub addr: u64,
}

/// How a lock is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Shared.
    Read,
    /// Alone.
    #[default]
    #[serde(other)]
    Write,
}

/// A task, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Task {
    /// Process id; `None` where only the thread is known.
    pub pid: Option<u32>,
    /// Thread id.
    pub tid: u32,
    /// Its name.
    pub comm: Text,
    /// When it was started, CLOCK_MONOTONIC.
    pub start_ns: Option<u64>,
    /// Its memcg.
    pub memcg_serial_nr: Option<u64>,
}

/// A task that waits for a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockWait {
    /// Who.
    pub task: Task,
    /// For what.
    pub resource: Resource,
    /// How.
    pub mode: Mode,
    /// Since when, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// Who has it, by its owner word.
    pub owner: Option<Task>,
    /// Whether its task ran when it was looked at, so that the wait may be over.
    pub unconfirmed: bool,
}

/// Waits for one lock by the tasks of one memcg, ended since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockCount {
    /// Which lock.
    pub resource: Resource,
    /// The waiters' memcg.
    pub memcg_serial_nr: Option<u64>,
    /// How many.
    pub waits_total: u64,
    /// Their time.
    pub wait_ns_total: u64,
    /// The longest.
    pub max_ns: u64,
    /// How many of them have no known length, and add nothing to `wait_ns_total`.
    pub unmeasured_total: u64,
}
