//! Records of waits for locks.

use std::borrow::Cow;

use serde::Serialize;

use super::{MemcgName, Name, address};
use crate::model::snapshot::{self, Evidence};
use crate::sample::{self, Mode, ResourceKind, tame};

/// A lock.
#[derive(Debug, Serialize)]
pub struct Resource<'a> {
    kind: ResourceKind,
    name: Option<Cow<'a, str>>,
    addr: String,
}

impl<'a> From<&'a sample::Resource> for Resource<'a> {
    fn from(resource: &'a sample::Resource) -> Self {
        Self {
            kind: resource.kind,
            name: resource.name.as_deref().map(tame),
            addr: address(resource.addr),
        }
    }
}

/// A task that waits.
#[derive(Debug, Serialize)]
pub struct LockWait<'a> {
    pid: Option<u32>,
    tid: u32,
    comm: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    start_ns: Option<u64>,
    state: Option<&'static str>,
    cgroup_id: Option<u64>,
    path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    resource: Resource<'a>,
    mode: Mode,
    since_ns: u64,
    waited_ns: u64,
    evidence: &'static str,
    stack: Option<Vec<String>>,
}

impl<'a> From<&'a snapshot::LockWait> for LockWait<'a> {
    fn from(wait: &'a snapshot::LockWait) -> Self {
        let comm = Name::of(Some(&wait.task.comm));
        let memcg = wait.memcg.as_deref().filter(|memcg| !memcg.path.is_empty());
        let path = Name::of(memcg.map(|memcg| &memcg.path));
        Self {
            pid: wait.task.pid,
            tid: wait.task.tid,
            comm: comm.text,
            comm_hex: comm.hex,
            start_ns: wait.task.start_ns,
            state: None,
            cgroup_id: memcg.map(|memcg| memcg.cgroup_id),
            path: path.text,
            path_hex: path.hex,
            resource: Resource::from(&wait.resource),
            mode: wait.mode,
            since_ns: wait.since_ns,
            waited_ns: wait.waited_ns,
            evidence: match wait.evidence {
                Evidence::Traced => "traced",
            },
            stack: None,
        }
    }
}

/// Ended waits for a lock.
#[derive(Debug, Serialize)]
pub struct LockStats<'a> {
    resource: Resource<'a>,
    waits_total: u64,
    wait_ns_total: u64,
    p50_ns: Option<u64>,
    p99_ns: Option<u64>,
    max_ns: u64,
    top_memcgs: Vec<LockMemcg<'a>>,
    top_stacks: Option<Vec<String>>,
}

/// Memcgs of waiters that a record names.
const TOP_MEMCGS: usize = 5;

#[derive(Debug, Serialize)]
struct LockMemcg<'a> {
    #[serde(flatten)]
    memcg: MemcgName<'a>,
    waits_total: u64,
    wait_ns_total: u64,
}

impl<'a> From<&'a snapshot::LockStats> for LockStats<'a> {
    fn from(lock: &'a snapshot::LockStats) -> Self {
        let top = lock.memcgs.iter().take(TOP_MEMCGS).map(|memcg| LockMemcg {
            memcg: MemcgName::of(memcg.memcg.as_deref()),
            waits_total: memcg.waits_total,
            wait_ns_total: memcg.wait_ns_total,
        });
        Self {
            resource: Resource::from(&lock.resource),
            waits_total: lock.waits_total,
            wait_ns_total: lock.wait_ns_total,
            p50_ns: None,
            p99_ns: None,
            max_ns: lock.max_ns,
            top_memcgs: top.collect(),
            top_stacks: None,
        }
    }
}
