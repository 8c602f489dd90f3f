//! Records of waits in progress, traced by events or found by a scan of the tasks.

use std::borrow::Cow;

use crate::model::snapshot::{self, MemcgId};
use crate::output::figures::{Name, address, record};
use crate::output::names;
use crate::sample::{self, Mode, ResourceKind, Text, sanitized, waits};

/// Maximum number of holders of one resource in a record.
const MAX_HOLDERS: usize = 16;

record! {
    /// A task.
    pub(super) struct Task<'a> {
        /// Process id.
        pid: Option<u32>,
        /// Thread id.
        tid: u32,
        /// Its name.
        comm: Name<'a>,
        /// When it was started, CLOCK_MONOTONIC.
        start_ns: Option<u64>,
        /// As in `ps`.
        state: Option<char>,
        /// `cgroup_id` of its memory cgroup.
        cgroup_id: Option<u64>,
        /// Path of its memory cgroup.
        path: Name<'a>,
    }
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
            comm,
            start_ns: None,
            state: None,
            cgroup_id: memcg.map(|memcg| memcg.cgroup_id),
            path,
        }
    }
}

record! {
    /// What is waited for.
    pub struct Resource<'a> {
        /// What kind of thing.
        kind: ResourceKind,
        /// Its symbol, where it is a variable of the kernel.
        name: Option<Cow<'a, str>>,
        /// Its address.
        addr: Option<String>,
        /// What it is a part of.
        of: Name<'a>,
        /// Number of the page.
        pfn: Option<String>,
        /// Inode number.
        ino: Option<u64>,
    }
}

impl<'a> Resource<'a> {
    pub(super) fn of(resource: &'a waits::Resource) -> Self {
        let of = Name::of(resource.of.as_ref());
        Self {
            kind: resource.kind,
            name: resource.name.as_deref().map(sanitized),
            addr: (resource.addr != 0).then(|| address(resource.addr)),
            of,
            pfn: resource.pfn.map(address),
            ino: resource.ino,
        }
    }
}

impl<'a> From<&'a sample::Resource> for Resource<'a> {
    fn from(resource: &'a sample::Resource) -> Self {
        Self {
            kind: resource.kind,
            name: resource.name.as_deref().map(sanitized),
            addr: Some(address(resource.addr)),
            of: Name::of(None),
            pfn: None,
            ino: None,
        }
    }
}

/// A stack, innermost function first; `null` if it is not known.
pub(super) fn stack(stack: &[String]) -> Option<Vec<Cow<'_, str>>> {
    let is_known = !stack.is_empty();
    is_known.then(|| stack.iter().map(|symbol| sanitized(symbol)).collect())
}

record! {
    /// A task that waits.
    pub struct LockWait<'a> {
        @part task: Task<'a>,
        /// What the task waits for.
        resource: Resource<'a>,
        /// Mode in which the task wants it.
        mode: Mode,
        /// When the wait began, CLOCK_MONOTONIC.
        since_ns: Option<u64>,
        /// Duration of the wait.
        waited_ns: Option<u64>,
        /// `traced`, `owner_word`, `inferred` or `hint`.
        evidence: &'static str,
        /// Where it waits, innermost function first.
        stack: Option<Vec<Cow<'a, str>>>,
        /// The function that waits.
        function: Option<Cow<'a, str>>,
        /// Holders; `null` if they are not known.
        holders: Option<Vec<Holder<'a>>>,
        /// Number of holders that are not listed.
        holders_omitted: u64,
        /// Why there may be other holders.
        incomplete: Option<Cow<'a, str>>,
        /// What keeps it, if that is no task.
        kept_by: Option<Cow<'a, str>>,
        /// Whether its task ran when it was looked at, so that the wait may be over.
        unconfirmed: bool,
    }
}

record! {
    /// A task that has to act.
    struct Holder<'a> {
        /// Process id.
        pid: Option<u32>,
        /// Thread id.
        tid: u32,
        /// Name of the task.
        comm: Cow<'a, str>,
        /// How it holds it.
        mode: Option<Mode>,
        /// `traced`, `owner_word`, `inferred` or `hint`.
        evidence: &'static str,
        /// File descriptor that it has of it.
        fd: Option<u32>,
    }
}

impl<'a> From<&'a snapshot::LockWait> for LockWait<'a> {
    fn from(wait: &'a snapshot::LockWait) -> Self {
        let task = &wait.facts.task;
        let owner = wait.facts.owner.as_ref().map(|owner| Holder {
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
            resource: Resource::from(&wait.facts.resource),
            mode: wait.facts.mode,
            since_ns: Some(wait.facts.since_ns),
            waited_ns: Some(wait.waited_ns),
            evidence: names::evidence(waits::Evidence::Traced),
            stack: None,
            function: None,
            holders: owner.map(|owner| vec![owner]),
            holders_omitted: 0,
            incomplete: None,
            kept_by: None,
            unconfirmed: wait.facts.unconfirmed,
        }
    }
}

impl<'a> LockWait<'a> {
    /// The record of a wait that a scan found; `None` if its answer does not have it.
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
            function: fact.function.as_deref().map(sanitized),
            holders: (!holders.is_empty()).then_some(holders),
            holders_omitted: wait.holders().count().saturating_sub(MAX_HOLDERS) as u64,
            incomplete: resource.incomplete.as_deref().map(sanitized),
            kept_by: resource.kept_by.as_deref().map(sanitized),
            unconfirmed: false,
        })
    }

    /// Thread id of the waiter.
    #[must_use]
    pub fn tid(&self) -> u32 {
        self.task.tid
    }
}
