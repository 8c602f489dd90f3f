//! Reclaim: its waits, its causes, and the memcgs that it takes memory from.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::oom::OomMemory;
use super::{Task, Text};

/// The cause of reclaim.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[derive(IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// A node runs short of memory, and its `kswapd` reclaims.
    Kswapd,
    /// A task found no free page.
    Direct,
    /// A memcg is over `memory.high`.
    High,
    /// A memcg is at `memory.max`.
    Max,
    /// Somebody asked for it: `memory.reclaim`, `memory.force_empty`.
    Proactive,
    /// Somebody wrote to `/proc/sys/vm/drop_caches`.
    DropCaches,
    /// Not known: reclaim began before the probes were attached, or its caller is unknown to this
    /// version.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Cause {
    /// Returns the name in records and on the screen; `None` where it is not known.
    #[must_use]
    pub fn as_str(self) -> Option<&'static str> {
        (self != Self::Unknown).then(|| self.into())
    }
}

/// Reclaim since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reclaim {
    /// When the counters were read.
    pub as_of_ns: u64,
    /// Sums by memcg, cause and limit.
    pub counts: Vec<ReclaimCount>,
    /// The tasks that waited longest in sum.
    pub tasks: Vec<StalledTask>,
    /// Waits for reclaim in progress.
    pub stalls: Vec<Stall>,
    /// Runs of shrinkers in progress.
    pub shrinking: Vec<Shrinking>,
    /// The kernel's own account of time lost, for the memcgs in `counts` that have one.
    pub pressure: Vec<Pressure>,
    /// Whether pages are counted.
    pub counts_pages: bool,
    /// Whether sleeps over `memory.high` are counted.
    pub counts_throttles: bool,
}

/// Reclaim for one cause, under one limit, as far as it concerns one memcg.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReclaimCount {
    /// The memcg whose tasks wait, and whose pages are reclaimed; `None` if it could not be read.
    pub memcg_serial_nr: Option<u64>,
    /// The cause.
    pub cause: Cause,
    /// The memcg whose limit it is, this one or an ancestor; `None` without a limit.
    pub limit_serial_nr: Option<u64>,
    /// The number of waits of its tasks: for reclaim, or asleep over `memory.high`.
    pub stalls_total: u64,
    /// The sum of their durations.
    pub stall_ns_total: u64,
    /// The median wait, within an eighth. `None` without waits, or where some were lost.
    pub p50_ns: Option<u64>,
    /// The 99th percentile, likewise.
    pub p99_ns: Option<u64>,
    /// The longest.
    pub max_ns: u64,
    /// The sleeps among `stalls_total`.
    pub throttles_total: u64,
    /// The sum of their durations.
    pub throttle_ns_total: u64,
    /// Runs of kernel threads on its behalf: visits of `kswapd`, and work items that keep a memcg
    /// below `memory.high`.
    pub background_total: u64,
    /// The sum of their durations.
    pub background_ns_total: u64,
    /// Visits of reclaim to its lists of one node.
    pub visits_total: u64,
    /// Time that reclaim spent on its lists and shrinkers.
    pub visit_ns_total: u64,
    /// Its pages that were scanned, as `pgscan_*` of memory.stat.
    pub scanned_pages_total: u64,
    /// Its pages that were reclaimed, as `pgsteal_*`.
    pub reclaimed_pages_total: u64,
}

/// Waits of one task, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StalledTask {
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Its name.
    pub comm: Text,
    /// Its memcg.
    pub memcg_serial_nr: Option<u64>,
    /// The number of waits.
    pub stalls_total: u64,
    /// The sum of their durations.
    pub stall_ns_total: u64,
    /// The longest.
    pub max_ns: u64,
}

/// A task that has been in reclaim for a while, or asleep over `memory.high`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stall {
    /// The task.
    pub task: Task,
    /// The memcg that reclaim is for: the task's, or that which a kernel thread works for.
    pub memcg_serial_nr: Option<u64>,
    /// The cause.
    pub cause: Cause,
    /// The memcg whose limit it is; `None` without a limit.
    pub limit_serial_nr: Option<u64>,
    /// When it began, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// Whether it sleeps over `memory.high`.
    pub is_throttled: bool,
    /// Whether it may be over.
    pub unconfirmed: bool,
}

/// Time that a memcg lost for lack of memory since it was made, as the kernel adds it up (PSI;
/// kernel/sched/psi.c: update_averages()): every two seconds while there is any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pressure {
    /// The memcg.
    pub memcg_serial_nr: u64,
    /// Time in which some task waited.
    pub some_ns_total: u64,
    /// Time in which all tasks waited.
    pub full_ns_total: u64,
}

/// A shrinker that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shrinking {
    /// Process id of the task that runs it.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Its name.
    pub comm: Text,
    /// Key of the shrinker.
    pub shrinker: u64,
    /// Symbol of its `scan_objects`.
    pub name: Option<String>,
    /// Filesystem, where it is the shrinker of a superblock.
    pub fs: Option<Text>,
    /// Its device, `major:minor`.
    pub dev: Option<String>,
    /// The memcg that reclaim is for; `None` where reclaim is global.
    pub memcg_serial_nr: Option<u64>,
    /// NUMA node.
    pub node: u32,
    /// The cause.
    pub cause: Cause,
    /// When it began, CLOCK_MONOTONIC.
    pub begin_ns: u64,
    /// Functions that the task is in, innermost first; empty where they were not read.
    pub stack: Vec<String>,
    /// Whether its task ran when it was read, so that the run may be over.
    pub unconfirmed: bool,
}

/// An OOM kill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OomKill {
    /// Its time, CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// The memcg whose limit it is; `None` if the host is out of memory.
    pub limit_serial_nr: Option<u64>,
    /// The victim's memcg.
    pub victim_serial_nr: Option<u64>,
    /// The victim's process id.
    pub victim_pid: u32,
    /// Its name.
    pub victim_comm: Text,
    /// Process id of the chosen victim, where this one dies with it: `memory.oom.group`.
    pub chosen_pid: Option<u32>,
    /// The kernel's score of the victim in pages (mm/oom_kill.c: oom_badness()); `None` for one
    /// that dies with another.
    pub points: Option<i64>,
    /// Process id of the task that found no memory.
    pub pid: u32,
    /// Its name.
    pub comm: Text,
    /// The memory of the memcg whose limit it is; `None` where it was not read, and for one that
    /// dies with another.
    pub memory: Option<Box<OomMemory>>,
}
