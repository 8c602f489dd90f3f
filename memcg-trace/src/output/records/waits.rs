//! Records of waits in progress, traced by events or found by a scan of the tasks.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::memcgs::Path;
use super::workloads::BelongsTo;
use crate::model::snapshot::{self, MemcgId};
use crate::output::figures::{Name, Order, Shown, Unit, Value, Word, address, record};
use crate::output::names;
use crate::sample::waits::{self, Evidence};
use crate::sample::{self, Mode, ResourceKind, Text, sanitized};

/// Maximum number of holders of one resource in a record.
const MAX_HOLDERS: usize = 16;

record! {
    /// A task.
    pub struct Task<'a> {
        /// Process id.
        pid: Option<u32>,
        /// Thread id.
        tid: u32,
        /// Its name.
        comm: Name<'a>,
        /// Name and thread id.
        @column task: TaskName<'a> => "TASK",
        /// When it was started, CLOCK_MONOTONIC.
        start_ns: Option<u64>,
        /// As in `ps`.
        state: Option<char>,
        /// `cgroup_id` of its memory cgroup.
        cgroup_id: Option<u64>,
        /// Path of its memory cgroup.
        path: Path<'a> => "MEMCG",
        @part belongs_to: BelongsTo<'a>,
    }
}

/// A task in tables.
#[derive(Clone, Copy, Debug)]
pub(in crate::output) struct TaskName<'a> {
    comm: &'a Text,
    tid: u32,
}

impl<'a> TaskName<'a> {
    pub(in crate::output) fn of(tid: u32, comm: &'a Text) -> Self {
        Self { comm, tid }
    }
}

impl Shown for TaskName<'_> {
    const IS_NUMBER: bool = false;

    fn show(&self, _: Unit) -> String {
        format!("{}[{}]", self.comm.display(), self.tid)
    }

    fn order(&self) -> Order {
        Order::Each(vec![self.comm.display().order(), self.tid.order()])
    }
}

/// The duration of a wait in progress; tables add a question mark where it may be over.
#[derive(Clone, Copy, Debug)]
pub(in crate::output) struct Waited {
    pub(in crate::output) ns: Option<u64>,
    pub(in crate::output) unconfirmed: bool,
}

impl Serialize for Waited {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.ns.serialize(serializer)
    }
}

impl Value for Waited {
    fn schema() -> Json {
        Option::<u64>::schema()
    }
}

impl Shown for Waited {
    const IS_NUMBER: bool = true;

    fn show(&self, unit: Unit) -> String {
        self.ns.show(unit) + if self.unconfirmed { "?" } else { "" }
    }

    fn order(&self) -> Order {
        self.ns.order()
    }
}

impl<'a> Task<'a> {
    #[must_use]
    pub fn of(task: &'a waits::Task, memcg: Option<&'a MemcgId>) -> Self {
        Self {
            pid: Some(task.pid),
            start_ns: task.start_ns,
            state: names::state(task.state),
            ..Self::named(task.tid, &task.comm, memcg)
        }
    }

    fn named(tid: u32, comm: &'a Text, memcg: Option<&'a MemcgId>) -> Self {
        let seen = memcg.filter(|memcg| !memcg.path.is_empty());
        Self {
            pid: None,
            tid,
            comm: Name::of(Some(comm)),
            task: TaskName::of(tid, comm),
            start_ns: None,
            state: None,
            cgroup_id: seen.map(|memcg| memcg.cgroup_id),
            path: Path(memcg),
            belongs_to: BelongsTo::of(seen),
        }
    }
}

record! {
    /// What is waited for.
    pub struct Resource<'a> {
        /// Kind of the resource.
        kind: Word<ResourceKind>,
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
            kind: Word(resource.kind),
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
            kind: Word(resource.kind),
            name: resource.name.as_deref().map(sanitized),
            addr: Some(address(resource.addr)),
            of: Name::of(None),
            pfn: None,
            ino: None,
        }
    }
}

impl Shown for Resource<'_> {
    const IS_NUMBER: bool = false;

    fn show(&self, unit: Unit) -> String {
        let name = self.name.as_deref().or(self.addr.as_deref());
        name.show(unit)
    }

    fn order(&self) -> Order {
        Order::Each(vec![self.name.order(), self.addr.order()])
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
        resource: Resource<'a> => "FOR LOCK",
        /// Kind of the lock.
        @column kind: Word<ResourceKind> => "KIND",
        /// Mode in which the task wants it.
        mode: Word<Mode> => "MODE",
        /// When the wait began, CLOCK_MONOTONIC.
        since_ns: Option<u64>,
        /// Duration of the wait.
        waited_ns: Waited => "WAITING",
        /// The evidence for it.
        evidence: Word<Evidence>,
        /// Where it waits, innermost function first.
        stack: Option<Vec<Cow<'a, str>>>,
        /// The function that waits.
        function: Option<Cow<'a, str>>,
        /// Holders; `null` if they are not known.
        holders: Option<Vec<Holder<'a>>>,
        /// The first holder.
        @column held_by: Option<TaskName<'a>> => "HELD BY",
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
        mode: Option<Word<Mode>>,
        /// The evidence for it.
        evidence: Word<Evidence>,
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
            evidence: Word(Evidence::OwnerWord),
            fd: None,
        });
        Self {
            task: Task {
                pid: task.pid,
                start_ns: task.start_ns,
                ..Task::named(task.tid, &task.comm, wait.memcg.as_deref())
            },
            resource: Resource::from(&wait.facts.resource),
            kind: Word(wait.facts.resource.kind),
            mode: Word(wait.facts.mode),
            since_ns: Some(wait.facts.since_ns),
            waited_ns: Waited {
                ns: Some(wait.waited_ns),
                unconfirmed: wait.facts.unconfirmed,
            },
            evidence: Word(Evidence::Traced),
            stack: None,
            function: None,
            holders: owner.map(|owner| vec![owner]),
            held_by: (wait.facts.owner.as_ref()).map(|owner| TaskName::of(owner.tid, &owner.comm)),
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
        let first = wait.holders().next();
        let holders = wait.holders().take(MAX_HOLDERS);
        let holders = holders.map(|(holder, task)| Holder {
            pid: Some(task.pid),
            tid: task.tid,
            comm: task.comm.display(),
            mode: Some(Word(holder.mode)),
            evidence: Word(holder.evidence),
            fd: holder.fd,
        });
        let holders: Vec<Holder> = holders.collect();
        Some(Self {
            task: Task::of(wait.task()?, wait.memcg.as_deref()),
            resource: Resource::of(resource),
            kind: Word(resource.kind),
            mode: Word(fact.mode),
            since_ns: fact.since_ns,
            waited_ns: Waited {
                ns: wait.waited_ns,
                unconfirmed: false,
            },
            evidence: Word(fact.evidence),
            stack: stack(wait.stack()),
            function: fact.function.as_deref().map(sanitized),
            holders: (!holders.is_empty()).then_some(holders),
            held_by: first.map(|(_, task)| TaskName::of(task.tid, &task.comm)),
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
