//! Records of locks.

use std::borrow::Cow;

use serde::Serialize;

use super::waits::{Resource, stack};
use super::{MemcgName, Name};
use crate::model::snapshot;
use crate::sample::Mode;

/// Ended waits for a lock, and how it is held.
#[derive(Debug, Serialize)]
pub struct LockStats<'a> {
    resource: Resource<'a>,
    waits_total: u64,
    wait_ns_total: u64,
    p50_ns: Option<u64>,
    p99_ns: Option<u64>,
    max_ns: u64,
    top_memcgs: Vec<LockMemcg<'a>>,
    top_stacks: Option<Vec<LockStack<'a>>>,
    unmeasured_total: u64,
    /// `null` where it is not traced.
    holds: Option<Vec<Held<'a>>>,
}

/// Memcgs of waiters, stacks and holders that a record names.
const TOP: usize = 5;

#[derive(Debug, Serialize)]
struct LockMemcg<'a> {
    #[serde(flatten)]
    memcg: MemcgName<'a>,
    waits_total: u64,
    wait_ns_total: u64,
}

/// Where it was let go of while others waited: samples.
#[derive(Debug, Serialize)]
struct LockStack<'a> {
    seen_total: u64,
    stack: Option<Vec<Cow<'a, str>>>,
}

#[derive(Debug, Serialize)]
struct Held<'a> {
    mode: Mode,
    holds_total: u64,
    hold_ns_total: u64,
    p50_ns: Option<u64>,
    p99_ns: Option<u64>,
    max_ns: u64,
    holders: Vec<Holder<'a>>,
    holders_omitted: u64,
}

#[derive(Debug, Serialize)]
struct Holder<'a> {
    pid: Option<u32>,
    tid: u32,
    comm: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    #[serde(flatten)]
    memcg: MemcgName<'a>,
    since_ns: u64,
    stack: Option<Vec<Cow<'a, str>>>,
    /// Whether fewer tasks have it than were seen to take it, so that this one may not.
    unconfirmed: bool,
}

impl<'a> From<&'a snapshot::LockStats> for LockStats<'a> {
    fn from(lock: &'a snapshot::LockStats) -> Self {
        let memcgs = lock.memcgs.iter().take(TOP).map(|memcg| LockMemcg {
            memcg: MemcgName::of(memcg.memcg.as_deref()),
            waits_total: memcg.waits_total,
            wait_ns_total: memcg.wait_ns_total,
        });
        let stacks = lock.releases.as_ref().map(|releases| {
            let top = releases.iter().take(TOP).map(|release| LockStack {
                seen_total: release.seen_total,
                stack: stack(&release.stack),
            });
            top.collect()
        });
        let holds: Vec<Held> = lock.held.iter().map(Held::from).collect();
        Self {
            resource: Resource::from(&lock.resource),
            waits_total: lock.waits_total,
            wait_ns_total: lock.wait_ns_total,
            p50_ns: lock.p50_ns,
            p99_ns: lock.p99_ns,
            max_ns: lock.max_ns,
            top_memcgs: memcgs.collect(),
            top_stacks: stacks,
            unmeasured_total: lock.unmeasured_total,
            holds: (!holds.is_empty()).then_some(holds),
        }
    }
}

impl<'a> From<&'a snapshot::LockHeld> for Held<'a> {
    fn from(held: &'a snapshot::LockHeld) -> Self {
        let holders = held.holders.iter().take(TOP).map(|holder| {
            let comm = Name::of(Some(&holder.task.comm));
            Holder {
                pid: holder.task.pid,
                tid: holder.task.tid,
                comm: comm.text,
                comm_hex: comm.hex,
                memcg: MemcgName::of(holder.memcg.as_deref()),
                since_ns: holder.since_ns,
                stack: stack(&holder.stack),
                unconfirmed: holder.unconfirmed,
            }
        });
        Self {
            mode: held.mode,
            holds_total: held.holds_total,
            hold_ns_total: held.hold_ns_total,
            p50_ns: held.p50_ns,
            p99_ns: held.p99_ns,
            max_ns: held.max_ns,
            holders: holders.collect(),
            holders_omitted: held.holders.len().saturating_sub(TOP) as u64,
        }
    }
}
