//! Waits as a tree: a holder, and below it the tasks that wait for it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::names;
use crate::deadlock::{table, words};
use crate::model::snapshot::{LockWait, MemcgId, Snapshot, Wait};
use crate::sample::sanitized;
use crate::sample::waits::Resource;
use crate::units;

/// Maximum number of tasks listed below one holder; the others are counted.
const MAX_BELOW: usize = 24;
/// Maximum number of lines of all trees.
const MAX_LINES: usize = 2000;

/// A line of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line, fit for a terminal.
    pub text: String,
    /// Equal in all snapshots for the same task below the same holder.
    pub identity: u64,
    /// Whether the line is part of a confirmed deadlock.
    pub is_alarm: bool,
}

/// A task that waits.
struct Entry {
    tid: u32,
    /// Name of the task, its resource, and its memcg.
    what: String,
    waited_ns: Option<u64>,
    holders: Vec<Holder>,
}

/// The holder that a task waits for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Holder {
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

/// The trees of all waits of a snapshot: those of the last answer, and those traced since.
#[must_use]
pub fn lines(snapshot: &Snapshot) -> Vec<Line> {
    let confirmed = snapshot
        .deadlocks
        .items
        .iter()
        .filter(|one| one.is_confirmed());
    let members = confirmed.flat_map(|one| &one.found.members);
    let mut trees = Trees {
        alarms: members.map(|task| task.tid).collect(),
        ..Trees::default()
    };
    for wait in &snapshot.waits.items {
        trees.find(wait);
    }
    for wait in &snapshot.lock_waits.items {
        trees.add_traced(wait);
    }
    for (at, entry) in trees.entries.iter().enumerate() {
        for holder in &entry.holders {
            trees.below.entry(holder.clone()).or_default().push(at);
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
    let others = trees
        .below
        .keys()
        .filter(|holder| !trees.waits_itself(holder));
    roots.extend(others.cloned());
    // The other holders are in cycles that are no deadlock.
    roots.extend(trees.below.keys().cloned());
    for root in &roots {
        trees.draw(root);
    }
    trees.lines
}

fn what(task: &str, waits: &str, memcg: Option<&MemcgId>) -> String {
    match memcg {
        Some(memcg) => format!("{task} {waits}  {}", names::path(Some(memcg))),
        None => format!("{task} {waits}"),
    }
}

#[derive(Default)]
struct Trees {
    entries: Vec<Entry>,
    /// Names of holders, by thread id.
    names: HashMap<u32, String>,
    /// Thread ids of the tasks that wait.
    waits: HashSet<u32>,
    /// Indices of waits by holder.
    below: BTreeMap<Holder, Vec<usize>>,
    /// Members of confirmed deadlocks.
    alarms: HashSet<u32>,
    drawn: HashSet<Holder>,
    lines: Vec<Line>,
}

impl Trees {
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
        let waits = words::wait(resource, fact.mode, fact.retry.is_some());
        self.waits.insert(task.tid);
        self.entries.push(Entry {
            tid: task.tid,
            what: what(&words::task(task), &waits, wait.memcg.as_deref()),
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
        let task = names::task(Some(&wait.facts.task));
        self.entries.push(Entry {
            tid: wait.facts.task.tid,
            what: what(&task, &waits, wait.memcg.as_deref()),
            waited_ns: Some(wait.waited_ns),
            holders: vec![holder],
        });
    }

    fn waits_itself(&self, holder: &Holder) -> bool {
        matches!(holder, Holder::Task(tid) if self.waits.contains(tid))
    }

    /// Draws a root and everything below it, unless it was drawn before.
    fn draw(&mut self, root: &Holder) {
        if self.drawn.contains(root) || !self.below.contains_key(root) {
            return;
        }
        let (text, is_alarm) = match root {
            Holder::Task(tid) => {
                let name = self.names.get(tid).cloned();
                (name.unwrap_or_default(), self.alarms.contains(tid))
            }
            Holder::Nobody(what) => (what.clone(), false),
        };
        self.line(text, (root, 0), is_alarm);
        self.draw_below(root);
    }

    /// Draws the tasks that wait for a holder, and those that wait for them, and so on.
    fn draw_below(&mut self, holder: &Holder) {
        // A stack instead of recursion: a chain of waits has no limit. Each item has a holder, the
        // prefix of its lines, and the number of its waiters that were drawn.
        let mut work = vec![(holder.clone(), String::new(), 0)];
        while let Some((holder, indent, next)) = work.pop() {
            if next == 0 && !self.drawn.insert(holder.clone()) {
                continue;
            }
            let Some(below) = self.below.get(&holder) else {
                continue;
            };
            let Some(at) = below.get(next).copied() else {
                continue;
            };
            let is_last = next + 1 == below.len();
            let left_out = below.len() - next;
            if next >= MAX_BELOW {
                let text = format!("{indent}└ … and {left_out} more");
                self.line(text, (&holder, u32::MAX), false);
                continue;
            }
            if self.lines.len() >= MAX_LINES {
                continue;
            }
            let entry = &self.entries[at];
            let tid = entry.tid;
            let itself = Holder::Task(tid);
            let is_above = self.drawn.contains(&itself);
            let mark = if is_above { "  ↑ see above" } else { "" };
            let (branch, bar) = if is_last {
                ("└", " ")
            } else {
                ("├", "│")
            };
            let waited = units::duration(entry.waited_ns);
            let text = format!("{indent}{branch} {waited} {}{mark}", entry.what);
            let is_alarm = self.alarms.contains(&tid)
                && matches!(&holder, Holder::Task(tid) if self.alarms.contains(tid));
            self.line(text, (&holder, tid), is_alarm);
            let below_it = format!("{indent}{bar} ");
            work.push((holder, indent, next + 1));
            if !is_above {
                work.push((itself, below_it, 0));
            }
        }
    }

    fn line(&mut self, text: String, (holder, tid): (&Holder, u32), is_alarm: bool) {
        let mut hasher = DefaultHasher::new();
        match holder {
            Holder::Task(holder) => (holder, tid).hash(&mut hasher),
            Holder::Nobody(what) => (what, tid).hash(&mut hasher),
        }
        self.lines.push(Line {
            text,
            identity: hasher.finish(),
            is_alarm,
        });
    }
}
