//! Records of waits that go on: those that were traced, and those that were found by looking at
//! the tasks.

use std::borrow::Cow;

use serde::Serialize;

use super::{Name, address};
use crate::model::snapshot::{self, MemcgId};
use crate::output::names;
use crate::sample::{self, Mode, ResourceKind, Text, tame, waits};

/// Holders of one resource that a record names.
const MAX_HOLDERS: usize = 16;

/// A task.
#[derive(Debug, Serialize)]
pub(super) struct Task<'a> {
    pid: Option<u32>,
    tid: u32,
    comm: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    start_ns: Option<u64>,
    state: Option<char>,
    cgroup_id: Option<u64>,
    path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
}

impl<'a> Task<'a> {
    pub(super) fn of(task: &'a waits::Task, memcg: Option<&'a MemcgId>) -> Self {
        Self {
            pid: Some(task.pid),
            start_ns: task.start_ns,
            state: names::state(task.state),
            ..Self::named(task.tid, &task.comm, memcg)
        }
    }

    fn named(tid: u32, comm: &'a Text, memcg: Option<&'a MemcgId>) -> Self {
        let comm = Name::of(Some(comm));
        let memcg = memcg.filter(|memcg| !memcg.path.is_empty());
        let path = Name::of(memcg.map(|memcg| &memcg.path));
        Self {
            pid: None,
            tid,
            comm: comm.text,
            comm_hex: comm.hex,
            start_ns: None,
            state: None,
            cgroup_id: memcg.map(|memcg| memcg.cgroup_id),
            path: path.text,
            path_hex: path.hex,
        }
    }
}

/// What is waited for.
#[derive(Debug, Serialize)]
pub struct Resource<'a> {
    kind: ResourceKind,
    name: Option<Cow<'a, str>>,
    addr: Option<String>,
    of: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of_hex: Option<String>,
    pfn: Option<String>,
    ino: Option<u64>,
}

impl<'a> Resource<'a> {
    pub(super) fn of(resource: &'a waits::Resource) -> Self {
        let of = Name::of(resource.of.as_ref());
        Self {
            kind: resource.kind,
            name: resource.name.as_deref().map(tame),
            addr: (resource.addr != 0).then(|| address(resource.addr)),
            of: of.text,
            of_hex: of.hex,
            pfn: resource.pfn.map(address),
            ino: resource.ino,
        }
    }
}

impl<'a> From<&'a sample::Resource> for Resource<'a> {
    fn from(resource: &'a sample::Resource) -> Self {
        Self {
            kind: resource.kind,
            name: resource.name.as_deref().map(tame),
            addr: Some(address(resource.addr)),
            of: None,
            of_hex: None,
            pfn: None,
            ino: None,
        }
    }
}

/// A stack, innermost function first; `null` if it is not known.
pub(super) fn stack(stack: &[String]) -> Option<Vec<Cow<'_, str>>> {
    let is_known = !stack.is_empty();
    is_known.then(|| stack.iter().map(|symbol| tame(symbol)).collect())
}

/// A task that waits.
#[derive(Debug, Serialize)]
pub struct LockWait<'a> {
    #[serde(flatten)]
    task: Task<'a>,
    resource: Resource<'a>,
    mode: Mode,
    since_ns: Option<u64>,
    waited_ns: Option<u64>,
    evidence: &'static str,
    stack: Option<Vec<Cow<'a, str>>>,
    function: Option<Cow<'a, str>>,
    /// `null` where they are not known.
    holders: Option<Vec<Holder<'a>>>,
    holders_omitted: u64,
    incomplete: Option<Cow<'a, str>>,
    /// What keeps it that is no task.
    kept_by: Option<Cow<'a, str>>,
    /// Whether its task ran when it was looked at, so that the wait may be over.
    unconfirmed: bool,
}

/// A task that has to act.
#[derive(Debug, Serialize)]
struct Holder<'a> {
    pid: Option<u32>,
    tid: u32,
    comm: Cow<'a, str>,
    mode: Option<Mode>,
    evidence: &'static str,
    fd: Option<u32>,
}

impl<'a> From<&'a snapshot::LockWait> for LockWait<'a> {
    fn from(wait: &'a snapshot::LockWait) -> Self {
        let task = &wait.task;
        let owner = wait.owner.as_ref().map(|owner| Holder {
            pid: owner.pid,
            tid: owner.tid,
            comm: owner.comm.display(),
            mode: None,
            evidence: names::evidence(waits::Evidence::OwnerWord),
            fd: None,
        });
        Self {
            task: Task {
                pid: task.pid,
                start_ns: task.start_ns,
                ..Task::named(task.tid, &task.comm, wait.memcg.as_deref())
            },
            resource: Resource::from(&wait.resource),
            mode: wait.mode,
            since_ns: Some(wait.since_ns),
            waited_ns: Some(wait.waited_ns),
            evidence: names::evidence(wait.evidence),
            stack: None,
            function: None,
            holders: owner.map(|owner| vec![owner]),
            holders_omitted: 0,
            incomplete: None,
            kept_by: None,
            unconfirmed: wait.unconfirmed,
        }
    }
}

impl<'a> LockWait<'a> {
    /// Of a wait that was found by looking; `None` if it is not in its answer.
    #[must_use]
    pub fn found(wait: &'a snapshot::Wait) -> Option<Self> {
        let fact = wait.fact()?;
        let resource = wait.resource()?;
        let holders = wait.holders().take(MAX_HOLDERS);
        let holders = holders.map(|(holder, task)| Holder {
            pid: Some(task.pid),
            tid: task.tid,
            comm: task.comm.display(),
            mode: Some(holder.mode),
            evidence: names::evidence(holder.evidence),
            fd: holder.fd,
        });
        let holders: Vec<Holder> = holders.collect();
        Some(Self {
            task: Task::of(wait.task()?, wait.memcg.as_deref()),
            resource: Resource::of(resource),
            mode: fact.mode,
            since_ns: fact.since_ns,
            waited_ns: wait.waited_ns,
            evidence: names::evidence(fact.evidence),
            stack: stack(wait.stack()),
            function: fact.function.as_deref().map(tame),
            holders: (!holders.is_empty()).then_some(holders),
            holders_omitted: wait.holders().count().saturating_sub(MAX_HOLDERS) as u64,
            incomplete: resource.incomplete.as_deref().map(tame),
            kept_by: resource.kept_by.as_deref().map(tame),
            unconfirmed: false,
        })
    }

    /// Thread id of who waits.
    #[must_use]
    pub fn tid(&self) -> u32 {
        self.task.tid
    }
}
