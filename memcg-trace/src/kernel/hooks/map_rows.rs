//! The number of rows of maps in which each CPU has values of its own: fewer where there are many
//! CPUs, since the kernel allocates all of them when it makes the map.

use memcg_trace_common::lock::{LOCK_ROWS, LockCount};
use memcg_trace_common::reclaim::{RECLAIM_ROWS, ReclaimCount};
use memcg_trace_common::shrinker::{SHRINKER_ROWS, ShrinkerCount};
use memcg_trace_common::slab::{SLAB_ROWS, SlabCount};

use crate::kernel::host::cpus::possible_cpus;

/// A map with a value for each possible CPU in each row.
pub(crate) struct PerCpuMap {
    pub(crate) name: &'static str,
    /// The rows on a host of few CPUs.
    rows: u32,
    value_bytes: usize,
    /// The most bytes of all values.
    most_bytes: usize,
}

/// Each map has so many rows, however many CPUs there are.
const LEAST_ROWS: u32 = 1024;

pub(crate) const SHRINKERS: PerCpuMap = PerCpuMap {
    name: "SHRINKERS",
    rows: SHRINKER_ROWS,
    value_bytes: size_of::<ShrinkerCount>(),
    most_bytes: 16 << 20,
};
pub(crate) const RECLAIM: PerCpuMap = PerCpuMap {
    name: "RECLAIM",
    rows: RECLAIM_ROWS,
    value_bytes: size_of::<ReclaimCount>(),
    most_bytes: 8 << 20,
};
pub(crate) const LOCKS: PerCpuMap = PerCpuMap {
    name: "LOCKS",
    rows: LOCK_ROWS,
    value_bytes: size_of::<LockCount>(),
    most_bytes: 4 << 20,
};
pub(crate) const SLAB: PerCpuMap = PerCpuMap {
    name: "SLAB",
    rows: SLAB_ROWS,
    value_bytes: size_of::<SlabCount>(),
    most_bytes: 8 << 20,
};
pub(crate) const ALL: [&PerCpuMap; 4] = [&SHRINKERS, &RECLAIM, &LOCKS, &SLAB];

impl PerCpuMap {
    /// The number of rows on this host.
    pub(crate) fn rows(&self) -> u32 {
        self.rows_on(possible_cpus())
    }

    fn rows_on(&self, cpus: u32) -> u32 {
        let row = self.value_bytes.saturating_mul(cpus as usize);
        let rows = self.most_bytes.checked_div(row).unwrap_or(usize::MAX);
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        rows.clamp(LEAST_ROWS, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_on(cpus: u32) -> usize {
        let of = |map: &&PerCpuMap| map.rows_on(cpus) as usize * map.value_bytes * cpus as usize;
        ALL.iter().map(of).sum()
    }

    #[test]
    fn few_cpus_have_all_rows() {
        for cpus in [0, 1, 2, 8] {
            let rows = ALL.map(|map| map.rows_on(cpus));
            assert_eq!(rows, [SHRINKER_ROWS, RECLAIM_ROWS, LOCK_ROWS, SLAB_ROWS]);
        }
    }

    #[test]
    fn many_cpus_take_little_more_memory() {
        for cpus in 1..=96 {
            assert!(bytes_on(cpus) <= 36 << 20, "{cpus}: {}", bytes_on(cpus));
        }
        assert!(bytes_on(8192) >= ALL.len() * 8192 * LEAST_ROWS as usize);
    }
}
