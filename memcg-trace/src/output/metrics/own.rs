//! Metrics of this program.

use super::family::{Families, Number, count, label, seconds};

/// What this program needs, and how it is used.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// Time of all its threads on CPUs.
    pub cpu_ns: Option<u64>,
    pub resident_bytes: Option<u64>,
    /// When it started, seconds since 1970.
    pub started_seconds: Option<u64>,
    /// The kernel that it looks at.
    pub kernel: String,
    /// How long writing the metrics of the last snapshot took.
    pub scrape_ns: Option<u64>,
    /// Requests by status.
    pub requests: Vec<(u16, u64)>,
    /// Connections that were closed before they had asked for anything.
    pub closed_early: u64,
}

/// The metrics of this program.
#[must_use]
pub fn own(own: &Own) -> Families {
    let mut to = Families::default();
    let mut build = label("version", env!("CARGO_PKG_VERSION"));
    build.push(("kernel", own.kernel.clone()));
    to.add(
        "memcg_trace_build_info",
        "1, with the version of memcg-trace and the release of the kernel that it looks at.",
        [(build, Some(Number::Count(1)))],
    );
    to.one(
        "memcg_trace_scrape_seconds",
        "How long it took to write the metrics of this snapshot.",
        seconds(own.scrape_ns),
    );
    let requests = own.requests.iter();
    to.add(
        "memcg_trace_requests_total",
        "Requests that were answered, by status.",
        requests.map(|(status, number)| {
            let status = label("status", &status.to_string());
            (status, count(Some(*number)))
        }),
    );
    to.one(
        "memcg_trace_connections_closed_total",
        "Connections that were closed since they took too long, asked for too much, or made room \
         for others.",
        count(Some(own.closed_early)),
    );
    to.one(
        "process_cpu_seconds_total",
        "Time of this program on CPUs. What its programs in the kernel take is not in it.",
        seconds(own.cpu_ns),
    );
    to.one(
        "process_resident_memory_bytes",
        "Memory of this program. Its maps in the kernel are not in it.",
        count(own.resident_bytes),
    );
    to.one(
        "process_start_time_seconds",
        "When this program started, since 1970.",
        count(own.started_seconds),
    );
    to
}
