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
    /// Counts of incidents, where they are recorded.
    pub incidents: Option<Incidents>,
}

/// Recordings of incidents, and the samples in memory that they are made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Incidents {
    pub whole: u64,
    /// Their end is missing.
    pub cut: u64,
    /// Could not be written.
    pub failed: u64,
    /// Followed too soon on others.
    pub skipped: u64,
    /// Were removed for newer ones.
    pub removed: u64,
    pub ring_bytes: u64,
    /// The time that the samples in memory reach back.
    pub ring_ns: u64,
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
    let incidents = own.incidents;
    to.add(
        "memcg_trace_incidents_total",
        "Incidents that --incidents was to record: OOM kills, proven deadlocks and critical \
         findings, by what became of the recording. It is cut if its end is missing, and skipped if \
         it would follow too soon on one of its kind.",
        [
            ("whole", incidents.map(|all| all.whole)),
            ("cut", incidents.map(|all| all.cut)),
            ("failed", incidents.map(|all| all.failed)),
            ("skipped", incidents.map(|all| all.skipped)),
        ]
        .map(|(outcome, number)| (label("outcome", outcome), count(number))),
    );
    to.one(
        "memcg_trace_incidents_removed_total",
        "Recordings of incidents that were removed for newer ones.",
        count(incidents.map(|all| all.removed)),
    );
    to.one(
        "memcg_trace_incident_ring_bytes",
        "Memory of the samples that the next recording of an incident begins with.",
        count(incidents.map(|all| all.ring_bytes)),
    );
    to.one(
        "memcg_trace_incident_ring_seconds",
        "How far these reach back.",
        seconds(incidents.map(|all| all.ring_ns)),
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
