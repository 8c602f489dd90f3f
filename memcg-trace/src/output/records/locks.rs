//! Records of locks.

use serde::Serialize;

use super::MemcgName;
use super::waits::Resource;
use crate::model::snapshot;

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
