//! Who waits for whom: the waits of the last answer, and those traced since.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::names;
use crate::deadlock::{table, words};
use crate::model::snapshot::{LockWait, Snapshot, Wait};
use crate::sample::sanitized;
use crate::sample::waits::Resource;

/// A task that waits.
pub(super) struct Entry {
    pub(super) tid: u32,
    pub(super) task: String,
    /// What it waits for, as a verb and its object.
    pub(super) waits: String,
    /// The path of its memcg.
    pub(super) memcg: Option<String>,
    pub(super) waited_ns: Option<u64>,
    pub(super) holders: Vec<Holder>,
}

/// The holder that a task waits for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Holder {
    /// A task, by its thread id.
    Task(u32),
    /// An unknown holder: the resource, and what keeps it.
    Nobody(String),
}

/// The entry of a resource without a known holder; the function that waits names the resource if
/// nothing else does.
fn nobody(resource: &Resource, function: Option<&str>) -> Holder {
    let what = match function.filter(|_| resource.name.is_none() && !table::is_lock(resource.kind))
    {
        Some(function) => format!("{} in {}()", words::resource(resource), sanitized(function)),
        None => words::resource(resource),
    };
    Holder::Nobody(match &resource.kept_by {
        Some(kept_by) => format!("{what}: {}", sanitized(kept_by)),
        None => format!("{what}, holder not found"),
    })
}

/// All waits of a snapshot, by their holders.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) entries: Vec<Entry>,
    /// Names of holders, by thread id.
    names: HashMap<u32, String>,
    /// Thread ids of the tasks that wait.
    waits: HashSet<u32>,
    /// Indices of waits by holder.
    pub(super) below: BTreeMap<Holder, Vec<usize>>,
    /// Holders from whom all waits are reached, those who do not wait themselves first, except
    /// deadlocks; a holder may be there more than once.
    pub(super) roots: Vec<Holder>,
}

impl Waiting {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut waiting = Self::default();
        for wait in &snapshot.waits.items {
            waiting.find(wait);
        }
        for wait in &snapshot.lock_waits.items {
            waiting.add_traced(wait);
        }
        for (at, entry) in waiting.entries.iter().enumerate() {
            for holder in &entry.holders {
                waiting.below.entry(holder.clone()).or_default().push(at);
            }
        }
        // A deadlock has no root: its tree starts at its first member.
        let standing = snapshot
            .deadlocks
            .items
            .iter()
            .filter(|one| one.resolved_ns.is_none());
        let first = standing.filter_map(|one| one.found.members.first());
        let mut roots: Vec<Holder> = first.map(|task| Holder::Task(task.tid)).collect();
        let others = waiting
            .below
            .keys()
            .filter(|holder| !waiting.waits_itself(holder));
        roots.extend(others.cloned());
        // The other holders are in cycles that are no deadlock.
        roots.extend(waiting.below.keys().cloned());
        waiting.roots = roots;
        waiting
    }

    /// The name of a holder, or what is known of one without a name.
    pub(super) fn name(&self, holder: &Holder) -> String {
        match holder {
            Holder::Task(tid) => self.names.get(tid).cloned().unwrap_or_default(),
            Holder::Nobody(what) => what.clone(),
        }
    }

    /// Adds a wait that a scan found.
    fn find(&mut self, wait: &Wait) {
        let (Some(fact), Some(task), Some(resource)) = (wait.fact(), wait.task(), wait.resource())
        else {
            return;
        };
        let mut holders = Vec::new();
        for (_, holder) in wait.holders() {
            self.names.insert(holder.tid, words::task(holder));
            holders.push(Holder::Task(holder.tid));
        }
        if holders.is_empty() {
            holders.push(nobody(resource, fact.function.as_deref()));
        }
        self.waits.insert(task.tid);
        self.entries.push(Entry {
            tid: task.tid,
            task: words::task(task),
            waits: words::wait(resource, fact.mode, fact.retry.is_some()),
            memcg: wait.memcg.as_deref().map(|memcg| names::path(Some(memcg))),
            waited_ns: wait.waited_ns,
            holders,
        });
    }

    /// Adds a traced wait, unless a scan found it.
    fn add_traced(&mut self, wait: &LockWait) {
        if !self.waits.insert(wait.facts.task.tid) {
            return;
        }
        let resource = Resource {
            kind: wait.facts.resource.kind,
            name: wait.facts.resource.name.clone(),
            addr: wait.facts.resource.addr,
            ..Resource::default()
        };
        let holder = match &wait.facts.owner {
            Some(owner) => {
                let name = || names::task(Some(owner));
                self.names.entry(owner.tid).or_insert_with(name);
                Holder::Task(owner.tid)
            }
            None => nobody(&resource, None),
        };
        let mut waits = words::wait(&resource, wait.facts.mode, false);
        if wait.facts.unconfirmed {
            waits.push_str(" (not confirmed: it runs)");
        }
        self.entries.push(Entry {
            tid: wait.facts.task.tid,
            task: names::task(Some(&wait.facts.task)),
            waits,
            memcg: wait.memcg.as_deref().map(|memcg| names::path(Some(memcg))),
            waited_ns: Some(wait.waited_ns),
            holders: vec![holder],
        });
    }

    fn waits_itself(&self, holder: &Holder) -> bool {
        matches!(holder, Holder::Task(tid) if self.waits.contains(tid))
    }
}
