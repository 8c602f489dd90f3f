//! Runs of shrinkers.

use serde::{Deserialize, Serialize};

use super::{Text, reclaim};

/// The runs of one shrinker for one memcg on one node, since the start.
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
    /// Whether it scans one memcg at a time (`SHRINKER_MEMCG_AWARE`).
    pub memcg_aware: Option<bool>,
    /// The memcg that reclaim was for; `None` where reclaim was global.
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
    /// The cause.
    pub cause: reclaim::Cause,
    /// The median of its runs, within an eighth. `None` without runs, or where some were lost.
    pub p50_ns: Option<u64>,
    /// The 99th percentile of its runs, likewise.
    pub p99_ns: Option<u64>,
    /// Runs that found something to free.
    pub runs_total: Option<u64>,
    /// Freeable objects when the last run began.
    pub freeable_objects: Option<u64>,
    /// Objects that were deferred to later runs when the last run ended.
    pub deferred_objects: Option<u64>,
    /// Runs by the priority of reclaim, from 0, the most urgent.
    pub priorities: Vec<u64>,
    /// Its runs under light pressure; `None` where they were not counted.
    pub light: Option<LightScan>,
}

/// The runs of a shrinker while reclaim had a priority of 10 or more, when a cache should lose a
/// thousandth of its objects at a time, or less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LightScan {
    /// Objects that are due, from the number of freeable ones, the priority and `shrinker.seeks`
    /// (mm/shrinker.c: do_shrink_slab()).
    pub due_objects_total: u64,
    /// Objects that earlier runs had deferred.
    pub deferred_objects_total: u64,
    /// Objects it scanned.
    pub scanned_objects_total: u64,
    /// Objects it freed.
    pub freed_objects_total: u64,
}

/// The serial number of rows that sum up released memcgs whose own rows were evicted. The kernel's
/// serial numbers begin at 1.
pub const GONE_SERIAL_NR: u64 = 0;
