//! Comparison of two runs by their peaks of memory.

use std::collections::{BTreeMap, BTreeSet};

use super::slab_list::Totals;
use super::snapshot::Snapshot;
use crate::sample::Text;

/// The highest figures that were seen; `None` where a figure never was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    /// `memory.current`, everything below included.
    pub memory_bytes: Option<u64>,
    /// `kernel` of `memory.stat`, likewise.
    pub kmem_bytes: Option<u64>,
    /// `slab` of `memory.stat`, likewise.
    pub slab_bytes: Option<u64>,
}

/// The peaks of one run.
#[derive(Clone, Debug, Default)]
pub struct Peaks {
    /// Peaks by path; those of the root are of the whole host, as far as memcgs are charged.
    /// Several memcgs that had a path one after the other are one.
    pub memcgs: BTreeMap<Text, Peak>,
    /// Slab pages of the host, charged or not; `None` without a walk of all slabs.
    pub host_slab_bytes: Option<u64>,
    /// The number of snapshots taken in.
    pub snapshots: u64,
}

impl Peaks {
    /// Takes in the next snapshot.
    pub fn take(&mut self, snapshot: &Snapshot) {
        for memcg in &snapshot.memcgs.items {
            // The charges of dead memcgs are stale.
            if memcg.phase.is_none() {
                let now = Peak {
                    memory_bytes: memcg.facts.usage_bytes,
                    kmem_bytes: memcg.facts.kmem_bytes,
                    slab_bytes: memcg.facts.slab_bytes,
                };
                self.take_memcg(&memcg.id.path, now);
            }
        }
        let is_known = snapshot.slab_caches.is_known();
        self.end(is_known.then(|| Totals::of(snapshot, None).slab_bytes));
    }

    /// Takes in a memcg of a snapshot.
    pub fn take_memcg(&mut self, path: &Text, now: Peak) {
        if path.is_empty() {
            return;
        }
        let peak = self.memcgs.entry(path.clone()).or_default();
        peak.memory_bytes = peak.memory_bytes.max(now.memory_bytes);
        peak.kmem_bytes = peak.kmem_bytes.max(now.kmem_bytes);
        peak.slab_bytes = peak.slab_bytes.max(now.slab_bytes);
    }

    /// Ends a snapshot, with the slab bytes of the host, if they are known.
    pub fn end(&mut self, host_slab_bytes: Option<u64>) {
        self.snapshots += 1;
        self.host_slab_bytes = self.host_slab_bytes.max(host_slab_bytes);
    }

    /// Returns whether any memcg had a sum of its kernel memory.
    #[must_use]
    pub fn has_kmem(&self) -> bool {
        self.memcgs.values().any(|peak| peak.kmem_bytes.is_some())
    }
}

/// A figure in two runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The figure in the first run.
    pub a: Option<u64>,
    /// The figure in the second run.
    pub b: Option<u64>,
}

impl Change {
    /// Returns the reduction from the first to the second, in per cent of the first; negative for
    /// an increase.
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
    /// Peaks of its kernel memory.
    pub kmem: Change,
    /// Peaks of its slab.
    pub slab: Change,
}

/// Returns all memcgs that are in one run or the other, by path.
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
                kmem: Change {
                    a: a.kmem_bytes,
                    b: b.kmem_bytes,
                },
                slab: Change {
                    a: a.slab_bytes,
                    b: b.slab_bytes,
                },
            }
        })
        .collect()
}

/// Returns the peaks of the host's slab in two runs.
#[must_use]
pub fn host_slab(a: &Peaks, b: &Peaks) -> Change {
    Change {
        a: a.host_slab_bytes,
        b: b.host_slab_bytes,
    }
}
