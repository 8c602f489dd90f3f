//! Waits as a tree: a holder, and below it the tasks that wait for it.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::waiting::{Holder, Waiting};
use crate::model::snapshot::Snapshot;
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

/// The trees of all waits of a snapshot: those of the last answer, and those traced since.
#[must_use]
pub fn lines(snapshot: &Snapshot) -> Vec<Line> {
    let confirmed = snapshot
        .deadlocks
        .items
        .iter()
        .filter(|one| one.is_confirmed());
    let members = confirmed.flat_map(|one| &one.found.members);
    let waiting = Waiting::of(snapshot);
    let mut trees = Trees {
        waiting: &waiting,
        alarms: members.map(|task| task.tid).collect(),
        drawn: HashSet::new(),
        lines: Vec::new(),
    };
    for root in &waiting.roots {
        trees.draw(root);
    }
    trees.lines
}

struct Trees<'a> {
    waiting: &'a Waiting,
    /// Members of confirmed deadlocks.
    alarms: HashSet<u32>,
    drawn: HashSet<Holder>,
    lines: Vec<Line>,
}

impl Trees<'_> {
    /// Draws a root and everything below it, unless it was drawn before.
    fn draw(&mut self, root: &Holder) {
        if self.drawn.contains(root) || !self.waiting.below.contains_key(root) {
            return;
        }
        let is_alarm = matches!(root, Holder::Task(tid) if self.alarms.contains(tid));
        self.line(self.waiting.name(root), (root, 0), is_alarm);
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
            let Some(below) = self.waiting.below.get(&holder) else {
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
            let entry = &self.waiting.entries[at];
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
            let (task, waits) = (&entry.task, &entry.waits);
            let memcg = entry.memcg.as_ref().map(|memcg| format!("  {memcg}"));
            let memcg = memcg.unwrap_or_default();
            let text = format!("{indent}{branch} {waited} {task} {waits}{memcg}{mark}");
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
