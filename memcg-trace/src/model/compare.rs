//! Two runs side by side: what each needed at most.

use std::collections::{BTreeMap, BTreeSet};

use super::slab_list::Totals;
use super::snapshot::Snapshot;
use super::snapshot::slab::PAGE_BYTES;
use crate::sample::Text;

/// The most that was seen of something; `None` where it never was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    /// `memory.current`, everything below included.
    pub memory_bytes: Option<u64>,
    /// `slab` of `memory.stat`, likewise.
    pub slab_bytes: Option<u64>,
}

/// The most that was seen in one run.
#[derive(Clone, Debug, Default)]
pub struct Peaks {
    /// By path. Several memcgs that had one after the other are one.
    pub memcgs: BTreeMap<Text, Peak>,
    /// Slab pages of the host, and what kmalloc took besides where that is known; `None` without
    /// a walk of all slabs.
    pub host_slab_bytes: Option<u64>,
    /// Snapshots that were looked at.
    pub snapshots: u64,
}

impl Peaks {
    /// Looks at the next snapshot.
    pub fn take(&mut self, snapshot: &Snapshot) {
        self.snapshots += 1;
        for memcg in &snapshot.memcgs.items {
            // What the dead were charged for is stale.
            if memcg.phase.is_some() || memcg.id.path.is_empty() {
                continue;
            }
            let peak = self.memcgs.entry(memcg.id.path.clone()).or_default();
            peak.memory_bytes = peak.memory_bytes.max(memcg.usage_bytes);
            peak.slab_bytes = peak.slab_bytes.max(memcg.slab_bytes);
        }
        if snapshot.slab_caches.is_known() {
            let totals = Totals::of(snapshot, None);
            let large = snapshot.large_kmalloc_pages.unwrap_or(0);
            let bytes = large.saturating_mul(PAGE_BYTES);
            let bytes = totals.slab_bytes.saturating_add(bytes);
            self.host_slab_bytes = self.host_slab_bytes.max(Some(bytes));
        }
    }
}

/// A figure in two runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// In the first.
    pub a: Option<u64>,
    /// In the second.
    pub b: Option<u64>,
}

impl Change {
    /// What the second has less, in per cent of the first; less than 0 if it has more.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    pub fn reduction_percent(&self) -> Option<f64> {
        let (a, b) = (self.a? as f64, self.b? as f64);
        (a > 0.0).then(|| (a - b) / a * 100.0)
    }
}

/// A memcg in two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Its path.
    pub path: Text,
    /// Peaks of its memory.
    pub memory: Change,
    /// Peaks of its slab.
    pub slab: Change,
}

/// All memcgs that are in one run or the other, by path.
#[must_use]
pub fn memcgs(a: &Peaks, b: &Peaks) -> Vec<Compared> {
    let paths: BTreeSet<&Text> = a.memcgs.keys().chain(b.memcgs.keys()).collect();
    let of = |peaks: &Peaks, path: &Text| peaks.memcgs.get(path).copied().unwrap_or_default();
    paths
        .into_iter()
        .map(|path| {
            let (a, b) = (of(a, path), of(b, path));
            Compared {
                path: path.clone(),
                memory: Change {
                    a: a.memory_bytes,
                    b: b.memory_bytes,
                },
                slab: Change {
                    a: a.slab_bytes,
                    b: b.slab_bytes,
                },
            }
        })
        .collect()
}

/// Slab of the host in two runs.
#[must_use]
pub fn host_slab(a: &Peaks, b: &Peaks) -> Change {
    Change {
        a: a.host_slab_bytes,
        b: b.host_slab_bytes,
    }
}
