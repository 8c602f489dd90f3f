//! The figures that are plotted over time.

use crate::model::snapshot::Snapshot;
use crate::output::verdicts::Subject;
use crate::units;

/// A figure over time.
pub(super) struct Plotted {
    /// Its name within the page.
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    pub(super) meaning: &'static str,
    pub(super) of: fn(&Snapshot) -> Option<u64>,
    pub(super) show: fn(u64) -> String,
}

/// The number of them.
pub(super) const COUNT: usize = 7;

pub(super) const PLOTTED: [Plotted; COUNT] = [
    Plotted {
        key: "zombies",
        title: "Dead memory cgroups",
        meaning: "Removed, and still in memory.",
        of: |snapshot| snapshot.totals.zombies,
        show: |count| units::count(Some(count)),
    },
    Plotted {
        key: "kept",
        title: "Memory that the dead keep",
        meaning: "Pages on their LRU lists, and memory of the kernel that they take by themselves, \
                  as far as either is known.",
        of: |snapshot| Subject::Zombies.figure(snapshot),
        show: |bytes| units::bytes(Some(bytes)),
    },
    Plotted {
        key: "slab",
        title: "Memory of slabs",
        meaning: "As of the last walk of all slabs before each moment.",
        of: |snapshot| Subject::Slab.figure(snapshot),
        show: |bytes| units::bytes(Some(bytes)),
    },
    Plotted {
        key: "stalls",
        title: "Time that tasks waited for memory, a second",
        meaning: "Waits for reclaim that ended, of all tasks together: 1 s a second is one task \
                  that does nothing else.",
        of: |snapshot| Subject::Reclaim.figure(snapshot),
        show: |ns| units::duration(Some(ns)),
    },
    Plotted {
        key: "longest",
        title: "The longest wait in progress",
        meaning: "For a lock, or for memory to be reclaimed, as events saw it begin.",
        of: |snapshot| Subject::Waits.figure(snapshot),
        show: |ns| units::duration(Some(ns)),
    },
    Plotted {
        key: "scanned",
        title: "Objects that shrinkers scanned, a second",
        meaning: "Of all shrinkers together.",
        of: |snapshot| Subject::Shrinkers.figure(snapshot),
        show: |count| units::count(Some(count)),
    },
    Plotted {
        key: "losses",
        title: "Events that could not be counted",
        meaning: "The sum since tracing began, of all places.",
        of: |snapshot| Subject::Losses.figure(snapshot),
        show: |count| units::count(Some(count)),
    },
];

/// The figures of a moment, in that order.
pub(super) fn figures(snapshot: &Snapshot) -> [Option<u64>; COUNT] {
    PLOTTED.each_ref().map(|one| (one.of)(snapshot))
}
