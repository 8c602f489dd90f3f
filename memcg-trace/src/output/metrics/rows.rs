//! Metrics of rows: the largest of each kind, within a bound on the number of series.
//!
//! The rows of memory cgroups are those of live ones. The dead have no names of their own any more,
//! since others are made by the same names: they are counted by origin.

use std::cell::Cell;
use std::cmp::{Ordering, Reverse};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::family::{Families, Family, Labels, Number, label};
use super::figure::{meaning, metric_key, number, text};
use crate::model::origins;
use crate::model::snapshot::{MemcgId, Snapshot};
use crate::output::figures::Row;
use crate::output::records::ZombieCost;
use crate::sample::sanitized;

/// The bounds on rows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most rows of a kind.
    pub top: usize,
    /// Most series, with those of the host and its sections.
    pub max_series: usize,
}

/// A kind of row: its figures become metrics, the first one decides which rows are the largest.
struct Kind {
    name: &'static str,
    /// What a row is about, for the help of each metric.
    about: &'static str,
    labels: &'static [&'static str],
    figures: &'static [&'static str],
}

const ZOMBIE_COST: Kind = Kind {
    name: "tax",
    about: "Dead memory cgroups and what they cost",
    labels: &[],
    figures: &[
        "own_cost_bytes",
        "reclaim_visits_total",
        "dead_reclaim_visits_total",
        "flushes_total",
        "dead_flushes_total",
        "dead_flush_ns_total",
    ],
};
const MEMCG: Kind = Kind {
    name: "memcg",
    about: "A live memory cgroup",
    labels: &["path"],
    figures: &[
        "usage_bytes",
        "high_bytes",
        "max_bytes",
        "slab_bytes",
        "slab_objects",
        "kmem_bytes",
        "inherited_bytes",
        "zombies",
    ],
};
const ORIGIN: Kind = Kind {
    name: "origin",
    about: "Dead memory cgroups of one origin",
    labels: &["parent", "shape", "pinned_by"],
    figures: &["zombies", "own_cost_bytes", "kept_bytes", "alive"],
};
const SLAB_CACHE: Kind = Kind {
    name: "slab_cache",
    about: "A slab cache, as of the last walk of all slabs",
    labels: &["cache"],
    figures: &[
        "slab_pages",
        "live_objects",
        "charged_objects",
        "unaccounted_objects",
        "reclaimable_bytes",
    ],
};
const SLAB: Kind = Kind {
    name: "slab",
    about: "Objects of a cache that are charged to a memory cgroup",
    labels: &["path", "cache"],
    figures: &["share_bytes", "objects", "alloc_total", "free_total"],
};
const RECLAIM: Kind = Kind {
    name: "reclaim",
    about: "Reclaim for one cause that concerns a memory cgroup",
    labels: &["path", "cause", "limited_by_path"],
    figures: &[
        "stall_ns_total",
        "stalls_total",
        "stalls_now",
        "scanned_pages_total",
        "reclaimed_pages_total",
        "throttle_ns_total",
    ],
};
const SHRINKER: Kind = Kind {
    name: "shrinker",
    about: "A shrinker, for one memory cgroup and cause",
    labels: &["path", "shrinker", "fs", "dev", "node", "cause"],
    figures: &[
        "time_ns_total",
        "scanned_objects_total",
        "freed_objects_total",
        "freeable_objects",
    ],
};
const LOCK: Kind = Kind {
    name: "lock_stats",
    about: "Waits for a lock of the kernel that ended",
    labels: &[],
    figures: &["wait_ns_total", "waits_total", "unmeasured_total"],
};

/// Adds the metrics of all kinds of rows, the most important first.
pub(super) fn add(families: &mut Families, whole: &Snapshot, limits: Limits) {
    let memcgs = || whole.memcgs.items.iter();
    let alive = || memcgs().filter(|memcg| memcg.phase.is_none());
    let serials: HashSet<u64> = alive().map(|memcg| memcg.id.serial_nr).collect();
    // Rows of one memory cgroup mostly follow each other.
    let last = Cell::new((u64::MAX, false));
    let lives = |id: &Option<Arc<MemcgId>>| {
        let Some(id) = id.as_deref() else {
            return false;
        };
        if last.get().0 != id.serial_nr {
            let lives = serials.contains(&id.serial_nr) && !id.path.is_empty();
            last.set((id.serial_nr, lives));
        }
        last.get().1
    };
    let named = alive().filter(|memcg| !memcg.id.path.is_empty());
    let origins = origins::list(whole);
    let slab = whole.slab.items.iter().filter(|row| lives(&row.memcg));
    let reclaim = whole.reclaim.items.iter().filter(|row| lives(&row.memcg));
    let shrinkers = whole.shrinkers.items.iter();
    // Global reclaim is for no memcg.
    let shrinkers = shrinkers.filter(|row| row.memcg.is_none() || lives(&row.memcg));
    let locks = whole.lock_stats.items.iter();
    let locks = locks.filter(|lock| lock.resource.name.is_some());
    // For how many rows of each kind are not shown, and for this program's own series.
    const RESERVED: usize = 20;
    let reserved = families.series() + RESERVED;
    let left = limits.max_series.saturating_sub(reserved);
    let mut rows = Rows {
        families,
        top: limits.top,
        left,
        omitted: Vec::new(),
    };
    rows.of_host(&ZOMBIE_COST, &ZombieCost::of(whole));
    rows.add(&MEMCG, named);
    rows.add(&ORIGIN, origins.iter());
    rows.add(&SLAB_CACHE, whole.slab_caches.items.iter());
    rows.add(&SLAB, slab);
    rows.add(&RECLAIM, reclaim);
    rows.add(&SHRINKER, shrinkers);
    rows.add_labelled(&LOCK, locks, |lock| {
        label(
            "lock",
            &sanitized(lock.resource.name.as_deref().unwrap_or_default()),
        )
    });
    let omitted = std::mem::take(&mut rows.omitted);
    families.add(
        "memcg_trace_rows_omitted",
        "Rows that no series shows, since they are not the largest (--top) or there is no room \
         (--max-series).",
        omitted,
    );
}

struct Rows<'f> {
    families: &'f mut Families,
    top: usize,
    /// Series for which there is room.
    left: usize,
    omitted: Vec<(Labels, Option<Number>)>,
}

impl Rows<'_> {
    /// Adds the figures of the host's only row.
    fn of_host<R: Row>(&mut self, kind: &Kind, row: &R) {
        for key in kind.figures {
            let mut family = family::<R>(kind, key);
            family
                .series
                .extend(number(row, key).map(|number| (Labels::new(), number)));
            self.left = self.left.saturating_sub(family.series.len());
            self.families.0.push(family);
        }
    }

    fn add<'r, R: Row + 'r>(&mut self, kind: &Kind, rows: impl Iterator<Item = &'r R>) {
        self.add_labelled(kind, rows, |row| labels(kind, row));
    }

    /// Adds the largest rows, each of which has a series at least. Rows with the same labels are
    /// added up.
    fn add_labelled<'r, R: Row + 'r>(
        &mut self,
        kind: &Kind,
        rows: impl Iterator<Item = &'r R>,
        labels: impl Fn(&R) -> Labels,
    ) {
        let rows: Vec<&R> = rows.collect();
        let all = rows.len();
        let rows = largest(&rows, kind.figures[0], self.top.min(self.left));
        let mut sums: Vec<(Labels, Vec<Option<Number>>, usize)> = Vec::new();
        let mut at: HashMap<Labels, usize> = HashMap::new();
        for row in rows {
            let labels = labels(row);
            let numbers: Vec<_> = kind.figures.iter().map(|key| number(row, key)).collect();
            match at.get(&labels) {
                Some(at) => {
                    let (_, sums, rows) = &mut sums[*at];
                    *rows += 1;
                    for (sum, number) in sums.iter_mut().zip(numbers) {
                        // A sum of which a part is not known is not known.
                        *sum = sum.zip(number).map(|(sum, number)| sum.plus(number));
                    }
                }
                None => {
                    at.insert(labels.clone(), sums.len());
                    sums.push((labels, numbers, 1));
                }
            }
        }
        let mut shown = 0;
        let mut families: Vec<Family> = kind
            .figures
            .iter()
            .map(|key| family::<R>(kind, key))
            .collect();
        for (labels, numbers, rows) in sums {
            let series = numbers.iter().flatten().count();
            if series > self.left {
                break;
            }
            self.left -= series;
            shown += rows;
            for (family, number) in families.iter_mut().zip(numbers) {
                family
                    .series
                    .extend(number.map(|number| (labels.clone(), number)));
            }
        }
        self.families.0.extend(families);
        let omitted = Number::Count((all - shown) as u64);
        self.omitted.push((label("rows", kind.name), Some(omitted)));
    }
}

/// The largest rows by a figure, the largest first; of the same size, those that come first.
fn largest<'r, R: Row>(rows: &[&'r R], key: &str, most: usize) -> Vec<&'r R> {
    let size = |row: &R| Reverse(Size(number(row, key).map(Number::as_f64)));
    let sizes = rows.iter().enumerate().map(|(at, row)| (size(row), at));
    let mut sizes: Vec<(Reverse<Size>, usize)> = sizes.collect();
    if most < sizes.len() {
        sizes.select_nth_unstable(most);
        sizes.truncate(most);
    }
    sizes.sort_unstable();
    sizes.into_iter().map(|(_, at)| rows[at]).collect()
}

fn family<R: Row>(kind: &Kind, key: &str) -> Family {
    let name = format!("memcg_trace_{}_{}", kind.name, metric_key(key));
    let meaning = meaning::<R>(key).unwrap_or_default();
    Family::new(&name, &format!("{}: {meaning}", kind.about))
}

/// The labels of a row that are known. A text that had to be sanitised has its bytes beside it, so
/// that no two names become one.
fn labels<R: Row>(kind: &Kind, row: &R) -> Labels {
    let mut labels = Labels::new();
    for key in kind.labels {
        let Some((text, hex)) = text(row, key) else {
            continue;
        };
        let is_address = text.starts_with("0x");
        labels.push((
            key,
            if is_address {
                "unknown".to_owned()
            } else {
                text
            },
        ));
        let hex_key = match *key {
            "path" => "path_hex",
            "cache" => "cache_hex",
            "parent" => "parent_hex",
            "shape" => "shape_hex",
            "limited_by_path" => "limited_by_path_hex",
            _ => continue,
        };
        labels.extend(hex.map(|hex| (hex_key, hex)));
    }
    labels
}

/// The size of a row; one that is not known is the smallest.
struct Size(Option<f64>);

impl Ord for Size {
    fn cmp(&self, other: &Self) -> Ordering {
        let known = |size: &Self| size.0.unwrap_or(f64::NEG_INFINITY);
        known(self).total_cmp(&known(other))
    }
}

impl PartialOrd for Size {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Size {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Size {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{origins::Origin, snapshot};

    fn all_known<R: Row>(kind: &Kind) {
        for key in kind.figures {
            assert!(meaning::<R>(key).is_some(), "{} has no {key}", kind.name);
        }
        for key in kind.labels {
            assert!(meaning::<R>(key).is_some(), "{} has no {key}", kind.name);
        }
    }

    #[test]
    fn each_figure_and_label_is_one_of_its_row() {
        all_known::<ZombieCost>(&ZOMBIE_COST);
        all_known::<snapshot::Memcg>(&MEMCG);
        all_known::<Origin>(&ORIGIN);
        all_known::<snapshot::SlabCache>(&SLAB_CACHE);
        all_known::<snapshot::Slab>(&SLAB);
        all_known::<snapshot::Reclaim>(&RECLAIM);
        all_known::<snapshot::Shrinker>(&SHRINKER);
        all_known::<snapshot::LockStats>(&LOCK);
    }
}
