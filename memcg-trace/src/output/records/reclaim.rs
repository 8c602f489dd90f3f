//! Records of reclaim.

use std::borrow::Cow;

use serde::Serialize;

use super::{MemcgName, Name, rounded};
use crate::model::snapshot;

/// Tasks of a row that wait at the moment.
const STALLS: usize = 8;

/// Reclaim for one cause, under one limit, as far as it concerns one memcg.
#[derive(Debug, Serialize)]
pub struct Reclaim<'a> {
    #[serde(flatten)]
    memcg: MemcgName<'a>,
    cause: Option<&'static str>,
    stalls_total: u64,
    stall_ns_total: u64,
    p50_ns: Option<u64>,
    p99_ns: Option<u64>,
    max_ns: u64,
    scanned_pages_total: Option<u64>,
    reclaimed_pages_total: Option<u64>,
    limited_by_path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limited_by_path_hex: Option<String>,
    limited_by_serial_nr: Option<u64>,
    throttles_total: Option<u64>,
    throttle_ns_total: Option<u64>,
    background_total: u64,
    background_ns_total: u64,
    visits_total: Option<u64>,
    visit_ns_total: Option<u64>,
    stall_ns_per_sec: Option<f64>,
    usage_bytes: Option<u64>,
    high_bytes: Option<u64>,
    max_bytes: Option<u64>,
    headroom_bytes: Option<i64>,
    psi_some_ns_total: Option<u64>,
    psi_full_ns_total: Option<u64>,
    worst_tasks: Vec<StalledTask<'a>>,
    high_unlimited: Option<bool>,
    max_unlimited: Option<bool>,
    stalls_now: u64,
    stalled_now: Vec<Stall<'a>>,
}

#[derive(Debug, Serialize)]
struct StalledTask<'a> {
    pid: u32,
    tid: u32,
    comm: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    stalls_total: u64,
    stall_ns_total: u64,
    max_ns: u64,
}

/// A task that has been waiting for a while.
#[derive(Debug, Serialize)]
struct Stall<'a> {
    pid: Option<u32>,
    tid: u32,
    comm: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    since_ns: u64,
    is_throttled: bool,
    unconfirmed: bool,
}

impl<'a> From<&'a snapshot::Reclaim> for Reclaim<'a> {
    fn from(row: &'a snapshot::Reclaim) -> Self {
        let count = &row.count;
        let pages = |pages| row.counts_pages.then_some(pages);
        let throttles = |figure| row.counts_throttles.then_some(figure);
        // One that was never seen has no path.
        let limit = row.limited_by.as_deref();
        let limit_path = Name::of(limit.map(|id| &id.path).filter(|path| !path.is_empty()));
        Self {
            memcg: MemcgName::of(row.memcg.as_deref()),
            cause: count.cause.as_str(),
            stalls_total: count.stalls_total,
            stall_ns_total: count.stall_ns_total,
            p50_ns: count.p50_ns,
            p99_ns: count.p99_ns,
            max_ns: count.max_ns,
            scanned_pages_total: pages(count.scanned_pages_total),
            reclaimed_pages_total: pages(count.reclaimed_pages_total),
            limited_by_path: limit_path.text,
            limited_by_path_hex: limit_path.hex,
            limited_by_serial_nr: limit.map(|id| id.serial_nr),
            throttles_total: throttles(count.throttles_total),
            throttle_ns_total: throttles(count.throttle_ns_total),
            background_total: count.background_total,
            background_ns_total: count.background_ns_total,
            visits_total: pages(count.visits_total),
            visit_ns_total: pages(count.visit_ns_total),
            stall_ns_per_sec: rounded(row.stall_ns_per_sec),
            usage_bytes: row.usage_bytes,
            high_bytes: row.high_bytes,
            max_bytes: row.max_bytes,
            headroom_bytes: row.headroom_bytes(),
            psi_some_ns_total: row.pressure.map(|pressure| pressure.some_ns_total),
            psi_full_ns_total: row.pressure.map(|pressure| pressure.full_ns_total),
            worst_tasks: row.worst_tasks.iter().map(stalled_task).collect(),
            high_unlimited: snapshot::is_unlimited(row.high_bytes),
            max_unlimited: snapshot::is_unlimited(row.max_bytes),
            stalls_now: row.stalls.len() as u64,
            stalled_now: row.stalls.iter().take(STALLS).map(stall).collect(),
        }
    }
}

fn stall(stall: &crate::sample::reclaim::Stall) -> Stall<'_> {
    let comm = Name::of(Some(&stall.task.comm));
    Stall {
        pid: stall.task.pid,
        tid: stall.task.tid,
        comm: comm.text,
        comm_hex: comm.hex,
        since_ns: stall.since_ns,
        is_throttled: stall.is_throttled,
        unconfirmed: stall.unconfirmed,
    }
}

fn stalled_task(task: &crate::sample::reclaim::StalledTask) -> StalledTask<'_> {
    let comm = Name::of(Some(&task.comm));
    StalledTask {
        pid: task.pid,
        tid: task.tid,
        comm: comm.text,
        comm_hex: comm.hex,
        stalls_total: task.stalls_total,
        stall_ns_total: task.stall_ns_total,
        max_ns: task.max_ns,
    }
}
