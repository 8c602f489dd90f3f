//! Reclaim: who waits for it, why, and what it takes from whom.

use serde::{Deserialize, Serialize};

use super::{Task, Text};

/// Why memory is reclaimed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A node runs short, and its `kswapd` takes care of it.
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
    /// Not known: it began before the probes were attached, or a caller that this version does
    /// not know.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Cause {
    /// As it is written in records and on the screen; `None` where it is not known.
    #[must_use]
    pub fn as_str(self) -> Option<&'static str> {
        Some(match self {
            Self::Kswapd => "kswapd",
            Self::Direct => "direct",
            Self::High => "high",
            Self::Max => "max",
            Self::Proactive => "proactive",
            Self::DropCaches => "drop_caches",
            Self::Unknown => return None,
        })
    }
}

/// Reclaim since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reclaim {
    /// When the counters were read.
    pub as_of_ns: u64,
    /// By memcg, cause and limit.
    pub counts: Vec<ReclaimCount>,
    /// Tasks that waited, those with the longest sums.
    pub tasks: Vec<StalledTask>,
    /// Tasks that wait for reclaim at the moment, and for how long already.
    pub stalls: Vec<Stall>,
    /// Runs of shrinkers that go on.
    pub shrinking: Vec<Shrinking>,
    /// The kernel's own account of time lost, of the memcgs that are in `counts` and have one.
    pub pressure: Vec<Pressure>,
    /// Whether pages are counted, and whether sleeps over `memory.high` are.
    pub counts_pages: bool,
    /// See `counts_pages`.
    pub counts_throttles: bool,
}

/// Reclaim for one cause, under one limit, as far as it concerns one memcg.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReclaimCount {
    /// Whose tasks wait, and whose pages are taken; `None` if that could not be read.
    pub memcg_serial_nr: Option<u64>,
    /// Why.
    pub cause: Cause,
    /// Whose limit it is: this memcg's or an ancestor's; `None` where no limit is.
    pub limit_serial_nr: Option<u64>,
    /// How often its tasks had to wait: for reclaim, or asleep over `memory.high`.
    pub stalls_total: u64,
    /// Their time.
    pub stall_ns_total: u64,
    /// The median; within an eighth. `None` without waits, or where some were lost.
    pub p50_ns: Option<u64>,
    /// What one in a hundred is longer than; likewise.
    pub p99_ns: Option<u64>,
    /// The longest.
    pub max_ns: u64,
    /// Of `stalls_total`, the sleeps.
    pub throttles_total: u64,
    /// Their time.
    pub throttle_ns_total: u64,
    /// What threads of the kernel did on its behalf: visits of `kswapd`, and works that keep a
    /// memcg below `memory.high`.
    pub background_total: u64,
    /// Their time.
    pub background_ns_total: u64,
    /// Times that reclaim came to its lists of one node.
    pub visits_total: u64,
    /// Time that reclaim spent on its lists and shrinkers.
    pub visit_ns_total: u64,
    /// Its pages that were scanned, as in `pgscan_*` of memory.stat.
    pub scanned_pages_total: u64,
    /// Its pages that were reclaimed, as in `pgsteal_*`.
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
    /// How many.
    pub stalls_total: u64,
    /// Their time.
    pub stall_ns_total: u64,
    /// The longest.
    pub max_ns: u64,
}

/// A task that has been in reclaim for a while, or asleep over `memory.high`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stall {
    /// Who.
    pub task: Task,
    /// For whom: the task's memcg, or that for which a thread of the kernel works.
    pub memcg_serial_nr: Option<u64>,
    /// Why.
    pub cause: Cause,
    /// Whose limit it is; `None` where no limit is.
    pub limit_serial_nr: Option<u64>,
    /// When it began, CLOCK_MONOTONIC.
    pub since_ns: u64,
    /// It sleeps over `memory.high`.
    pub is_throttled: bool,
    /// It may be over.
    pub unconfirmed: bool,
}

/// Time that a memcg lost for lack of memory since it was made, as the kernel adds it up (PSI;
/// kernel/sched/psi.c: update_averages()): every two seconds while there is any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pressure {
    /// Whose.
    pub memcg_serial_nr: u64,
    /// Time in which some task waited.
    pub some_ns_total: u64,
    /// Time in which all did.
    pub full_ns_total: u64,
}

/// A shrinker that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shrinking {
    /// Process id of who runs it.
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
    /// For which memcg; `None` where reclaim is global.
    pub memcg_serial_nr: Option<u64>,
    /// NUMA node.
    pub node: u32,
    /// Why.
    pub cause: Cause,
    /// When it began, CLOCK_MONOTONIC.
    pub begin_ns: u64,
    /// Functions that the task is in, innermost first; empty where nobody looked.
    pub stack: Vec<String>,
    /// Whether its task ran when it was looked at, so that the run may be over.
    pub unconfirmed: bool,
}

/// Somebody whom the kernel killed for memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OomKill {
    /// When, CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// The memcg whose limit it is; `None` if the host is out of memory.
    pub limit_serial_nr: Option<u64>,
    /// The victim's memcg.
    pub victim_serial_nr: Option<u64>,
    /// The victim's process id.
    pub victim_pid: u32,
    /// Its name.
    pub victim_comm: Text,
    /// The victim that was chosen, where this one goes with it: `memory.oom.group`.
    pub chosen_pid: Option<u32>,
    /// How bad it was, as the kernel counts (mm/oom_kill.c: oom_badness()), in pages; `None` of who
    /// goes with another.
    pub points: Option<i64>,
    /// Process id of who found no memory.
    pub pid: u32,
    /// Its name.
    pub comm: Text,
}
