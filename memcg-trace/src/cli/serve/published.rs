//! The newest snapshot, and what is written of it once for all that ask.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Bytes;

use super::own;
use crate::cli::black_box::Stats;
use crate::model::select::Selection;
use crate::model::snapshot::Snapshot;
use crate::output::metrics::{self, Format, Limits};
use crate::output::ndjson;
use crate::sample::recording::Host;

/// A snapshot, and its texts once somebody has asked for them.
pub(super) struct Shown {
    whole: Arc<Snapshot>,
    at: Instant,
    open_metrics: OnceLock<String>,
    prometheus: OnceLock<String>,
    json: OnceLock<Option<Bytes>>,
}

/// What all threads of `serve` share.
pub(super) struct Published {
    host: Host,
    limits: Limits,
    /// After this time without a new snapshot something is wrong; `None` for a recording, which has
    /// an end.
    stale_after: Option<Duration>,
    newest: Mutex<Option<Arc<Shown>>>,
    scrape_ns: AtomicU64,
    requests: Mutex<BTreeMap<u16, u64>>,
    closed_early: AtomicU64,
    /// Counts of incidents, where they are recorded.
    incidents: Option<Arc<Stats>>,
}

impl Published {
    pub(super) fn new(
        host: Host,
        limits: Limits,
        stale_after: Option<Duration>,
        incidents: Option<Arc<Stats>>,
    ) -> Self {
        Self {
            host,
            limits,
            stale_after,
            newest: Mutex::new(None),
            scrape_ns: AtomicU64::new(0),
            requests: Mutex::default(),
            closed_early: AtomicU64::new(0),
            incidents,
        }
    }

    /// Replaces the newest snapshot.
    pub(super) fn publish(&self, whole: Arc<Snapshot>) {
        let shown = Shown {
            whole,
            at: Instant::now(),
            open_metrics: OnceLock::new(),
            prometheus: OnceLock::new(),
            json: OnceLock::new(),
        };
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = Some(Arc::new(shown));
    }

    fn newest(&self) -> Option<Arc<Shown>> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.clone()
    }

    /// Whether there is a snapshot.
    pub(super) fn is_ready(&self) -> bool {
        self.newest().is_some()
    }

    /// The age of the newest snapshot, if it is older than it may be.
    pub(super) fn stale(&self) -> Option<Duration> {
        let age = self.newest()?.at.elapsed();
        self.stale_after.filter(|after| age > *after).map(|_| age)
    }

    /// All metrics: those of the newest snapshot, if there is one, and those of this program.
    pub(super) fn metrics(&self, format: Format) -> String {
        let begin = Instant::now();
        let mut text = String::new();
        if let Some(shown) = self.newest() {
            let written = match format {
                Format::OpenMetrics => &shown.open_metrics,
                Format::Prometheus => &shown.prometheus,
            };
            let is_new = written.get().is_none();
            let of = || metrics::encode(metrics::of(&shown.whole, self.limits), format);
            text.push_str(written.get_or_init(of));
            if is_new {
                let ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
                self.scrape_ns.store(ns, Ordering::Relaxed);
            }
        }
        let own = metrics::Own {
            kernel: self.host.kernel.display().into_owned(),
            scrape_ns: Some(self.scrape_ns.load(Ordering::Relaxed)).filter(|ns| *ns > 0),
            requests: self.requests(),
            closed_early: self.closed_early.load(Ordering::Relaxed),
            incidents: self.incidents.as_deref().map(counted),
            ..own::read()
        };
        text + &metrics::encode(metrics::own(&own), format) + format.end()
    }

    /// The records of the newest snapshot; `None` without one.
    pub(super) fn json(&self) -> Option<Bytes> {
        let shown = self.newest()?;
        let records = shown.json.get_or_init(|| {
            let selection = Selection {
                cgroup: None,
                top: Some(self.limits.top),
            };
            let records = ndjson::array(&selection.of(&shown.whole), &self.host);
            records.ok().map(Bytes::from)
        });
        records.clone()
    }

    fn requests(&self) -> Vec<(u16, u64)> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = requests.iter();
        requests
            .map(|(status, number)| (*status, *number))
            .collect()
    }

    /// Counts a request that was answered.
    pub(super) fn count(&self, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(status).or_default() += 1;
    }

    /// Counts a connection that was closed without an answer.
    pub(super) fn count_closed(&self) {
        self.closed_early.fetch_add(1, Ordering::Relaxed);
    }
}

fn counted(stats: &Stats) -> metrics::Incidents {
    metrics::Incidents {
        whole: stats.whole.get(),
        cut: stats.cut.get(),
        failed: stats.failed.get(),
        skipped: stats.skipped.get(),
        removed: stats.removed.get(),
        ring_bytes: stats.ring_bytes.get(),
        ring_ns: stats.ring_ns.get(),
    }
}
