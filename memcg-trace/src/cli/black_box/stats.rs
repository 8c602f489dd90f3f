//! Numbers of incidents by their outcome, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that the threads of the black box share with who shows them.
#[derive(Debug, Default)]
pub(in crate::cli) struct Stats {
    /// Recordings that are whole.
    pub(in crate::cli) whole: Count,
    /// Recordings whose end is missing.
    pub(in crate::cli) cut: Count,
    /// Incidents that left no recording, for it could not be written.
    pub(in crate::cli) failed: Count,
    /// Incidents that followed too soon on one of their kind.
    pub(in crate::cli) skipped: Count,
    /// Recordings that were removed for newer ones.
    pub(in crate::cli) removed: Count,
    /// Incidents of whose recording something is lost, for lack of room or by an error.
    pub(in crate::cli) lost: Count,
    /// The bytes of the samples that are kept in memory.
    pub(in crate::cli) ring_bytes: Count,
    /// The time that these reach back.
    pub(in crate::cli) ring_ns: Count,
}

#[derive(Debug, Default)]
pub(in crate::cli) struct Count(AtomicU64);

impl Count {
    pub(in crate::cli) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn set(&self, now: u64) {
        self.0.store(now, Ordering::Relaxed);
    }
}
