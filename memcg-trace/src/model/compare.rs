//! Two runs side by side: what each needed at most.

use std::collections::{BTreeMap, BTreeSet};

use super::slab_list::Totals;
use super::snapshot::Snapshot;
use crate::sample::Text;

/// The most that was seen of something; `None` where it never was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    /// `memory.current`, everything below included.
    pub memory_bytes: Option<u64>,
    /// `kernel` of `memory.stat`, likewise.
    pub kmem_bytes: Option<u64>,
    /// `slab` of `memory.stat`, likewise.
    pub slab_bytes: Option<u64>,
}

/// The most that was seen in one run.
#[derive(Clone, Debug, Default)]
pub struct Peaks {
    /// By path; the root's is the host's, so far as memcgs are charged. Several memcgs that had a
    /// path one after the other are one.
    pub memcgs: BTreeMap<Text, Peak>,
    /// Slab pages of the host, charged or not; `None` without a walk of all slabs.
    pub host_slab_bytes: Option<u64>,
    /// Snapshots that were looked at.
    pub snapshots: u64,
}

impl Peaks {
    /// Looks at the next snapshot.
    pub fn take(&mut self, snapshot: &Snapshot) {
        for memcg in &snapshot.memcgs.items {
            // What the dead were charged for is stale.
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

    /// Looks at a memcg of a snapshot.
    pub fn take_memcg(&mut self, path: &Text, now: Peak) {
        if path.is_empty() {
            return;
        }
        let peak = self.memcgs.entry(path.clone()).or_default();
        peak.memory_bytes = peak.memory_bytes.max(now.memory_bytes);
        peak.kmem_bytes = peak.kmem_bytes.max(now.kmem_bytes);
        peak.slab_bytes = peak.slab_bytes.max(now.slab_bytes);
    }

    /// A snapshot has ended, in which the host had so much slab, if that is known.
    pub fn end(&mut self, host_slab_bytes: Option<u64>) {
        self.snapshots += 1;
        self.host_slab_bytes = self.host_slab_bytes.max(host_slab_bytes);
    }

    /// Whether the kernel had a sum of its memory of any memcg.
    #[must_use]
    pub fn has_kmem(&self) -> bool {
        self.memcgs.values().any(|peak| peak.kmem_bytes.is_some())
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
    /// Peaks of its kernel memory.
    pub kmem: Change,
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

/// Slab of the host in two runs.
#[must_use]
pub fn host_slab(a: &Peaks, b: &Peaks) -> Change {
    Change {
        a: a.host_slab_bytes,
        b: b.host_slab_bytes,
    }
}
