//! Waits as a drawing: a box of each holder, and below it boxes of those who wait for it, with arrows
//! to the holder.

use std::collections::{BTreeMap, HashSet};

use super::fit;
use super::waiting::{Holder, Waiting};
use crate::model::snapshot::{Deadlock, Snapshot};
use crate::units;

/// The most boxes of a drawing; of other waits only the number is said.
const MAX_BOXES: usize = 40;
/// Columns of the screen that a box and its wait need at least.
const MIN_COLUMNS: usize = 30;

/// The waits of a snapshot, in lines of at most so many columns: those of the last answer, and those
/// traced since. What the ring of a deadlock shows is not drawn again.
#[must_use]
pub fn lines(snapshot: &Snapshot, columns: usize) -> Vec<String> {
    let waiting = Waiting::of(snapshot);
    let standing = snapshot.deadlocks.items.iter();
    let ring = standing.filter(|one| one.is_confirmed()).flat_map(ring);
    let mut drawing = Drawing {
        waiting: &waiting,
        columns,
        ring: ring.collect(),
        holders: HashSet::new(),
        waits: HashSet::new(),
        boxes: 0,
        lines: Vec::new(),
    };
    // Whom a deadlock holds up comes first.
    let mut members: Vec<u32> = drawing.ring.iter().map(|(from, _)| *from).collect();
    members.sort_unstable();
    for member in members {
        drawing.root(&Holder::Task(member));
    }
    for root in &waiting.roots {
        drawing.root(root);
    }
    let is_shown = |(tid, holder): &(u32, Holder)| match holder {
        Holder::Task(holder) => drawing.ring.contains(&(*tid, *holder)),
        Holder::Nobody(_) => false,
    };
    let all = waiting.entries.iter();
    let all = all.flat_map(|entry| entry.holders.iter().map(|one| (entry.tid, one.clone())));
    let left_out: HashSet<u32> = all
        .filter(|wait| !is_shown(wait) && !drawing.waits.contains(wait))
        .map(|(tid, _)| tid)
        .collect();
    if !left_out.is_empty() {
        let left_out = units::things(left_out.len() as u64, "task");
        let line = format!("… and {left_out} more that wait, not drawn");
        drawing.lines.push(fit::cut_end(&line, columns));
    }
    drawing.lines
}

/// The waits of the shortest cycle of a deadlock: thread ids of a waiter and of its holder.
fn ring(deadlock: &Deadlock) -> impl Iterator<Item = (u32, u32)> {
    let found = &deadlock.found;
    let edges = found.edges.iter().take(found.cycle_edges);
    edges.filter_map(|edge| {
        let [from, to] = [edge.from, edge.to].map(|at| found.members.get(at));
        Some((from?.tid, to?.tid))
    })
}

/// Tasks that wait for the same, in one box.
struct Group {
    tids: Vec<u32>,
    names: String,
    waits: String,
    /// The task, if others wait for it.
    holder: Option<Holder>,
}

/// The side of a box at which the arrow to its holder begins.
#[derive(Clone, Copy)]
enum Joint {
    None,
    Above,
    Left,
}

struct Drawing<'a> {
    waiting: &'a Waiting,
    columns: usize,
    /// Waits that rings of deadlocks show, by thread ids.
    ring: HashSet<(u32, u32)>,
    /// Holders whose waiters were drawn.
    holders: HashSet<Holder>,
    /// Waits that were drawn.
    waits: HashSet<(u32, Holder)>,
    boxes: usize,
    lines: Vec<String>,
}

impl Drawing<'_> {
    /// Draws a holder who waits for nobody, and all below it.
    fn root(&mut self, holder: &Holder) {
        if self.boxes >= MAX_BOXES || self.entries(holder).is_empty() {
            return;
        }
        if !self.holders.insert(holder.clone()) {
            return;
        }
        let is_in_ring = |tid: &u32| self.ring.iter().any(|(from, _)| from == tid);
        let note = match holder {
            Holder::Task(tid) if is_in_ring(tid) => "in the deadlock above",
            _ => "",
        };
        self.put(Joint::None, [""; 3], &self.waiting.name(holder), note);
        self.below(holder, "");
        self.lines.push(String::new());
    }

    /// The waits for a holder that no ring shows.
    fn entries(&self, holder: &Holder) -> Vec<usize> {
        let below = self.waiting.below.get(holder).into_iter().flatten();
        let is_shown = |at: &&usize| match holder {
            Holder::Task(holder) => {
                let tid = self.waiting.entries[**at].tid;
                self.ring.contains(&(tid, *holder))
            }
            Holder::Nobody(_) => false,
        };
        below.filter(|at| !is_shown(at)).copied().collect()
    }

    /// Those who wait for a holder: the last ones are those for whom most others wait.
    fn groups(&self, holder: &Holder) -> Vec<Group> {
        let mut alike: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut alone = Vec::new();
        for at in self.entries(holder) {
            let entry = &self.waiting.entries[at];
            let itself = Holder::Task(entry.tid);
            match self.entries(&itself).len() {
                0 => alike.entry(&entry.waits).or_default().push(at),
                count => alone.push((count, at, itself)),
            }
        }
        alone.sort_by_key(|(count, at, _)| (*count, *at));
        let alike = alike.into_values().map(|all| self.group(&all, None));
        let alone = alone
            .into_iter()
            .map(|(_, at, itself)| self.group(&[at], Some(itself)));
        alike.chain(alone).collect()
    }

    fn group(&self, all: &[usize], holder: Option<Holder>) -> Group {
        let entries = all.iter().map(|at| &self.waiting.entries[*at]);
        let longest_ns = entries.clone().filter_map(|entry| entry.waited_ns).max();
        let names: Vec<&str> = entries.clone().map(|entry| &*entry.task).collect();
        let waits = entries.map(|entry| &*entry.waits).next().unwrap_or("");
        let longest = units::duration(longest_ns);
        let (names, waits) = match names.as_slice() {
            [one] => ((*one).to_owned(), format!("{longest}: {waits}")),
            many => (
                format!("{} tasks: {}", many.len(), many.join(", ")),
                format!("up to {longest}: each {waits}"),
            ),
        };
        let is_above = holder
            .as_ref()
            .is_some_and(|one| self.holders.contains(one));
        Group {
            tids: all.iter().map(|at| self.waiting.entries[*at].tid).collect(),
            names,
            waits: match is_above {
                true => waits + ", drawn above",
                false => waits,
            },
            holder: holder.filter(|_| !is_above),
        }
    }

    /// Draws those who wait for a holder: the last of them straight below it, the others beside the
    /// arrow.
    fn below(&mut self, holder: &Holder, indent: &str) {
        if fit::width(indent) + MIN_COLUMNS > self.columns {
            return;
        }
        let groups = self.groups(holder);
        for (at, group) in groups.iter().enumerate() {
            if self.boxes >= MAX_BOXES {
                return self.lines.push(format!("{indent}  ┆"));
            }
            let arrow = if at == 0 { '▲' } else { '│' };
            let is_last = at + 1 == groups.len();
            let next = match is_last {
                true => {
                    if at == 0 {
                        self.lines.push(format!("{indent}  {arrow}"));
                    }
                    let sides = [indent; 3];
                    self.put(Joint::Above, sides, &group.names, &group.waits);
                    indent.to_owned()
                }
                false => {
                    let stem = format!("{indent}  │  ");
                    let above = format!("{indent}  {arrow}  ");
                    let beside = format!("{indent}  ├──");
                    let sides = [above.as_str(), &beside, &stem];
                    self.put(Joint::Left, sides, &group.names, &group.waits);
                    stem
                }
            };
            let waits = group.tids.iter().map(|tid| (*tid, holder.clone()));
            self.waits.extend(waits);
            if let Some(itself) = &group.holder
                && self.holders.insert(itself.clone())
            {
                self.below(itself, &next);
            }
        }
    }

    /// Draws a box with what stands left of each of its lines, and a text right of it.
    fn put(&mut self, joint: Joint, left: [&str; 3], name: &str, text: &str) {
        self.boxes += 1;
        let room = self.columns.saturating_sub(fit::width(left[0]) + 5);
        let most = if text.is_empty() { room } else { room / 2 };
        let name = fit::cut_end(name, most.max(1));
        let text = fit::cut_end(text, room.saturating_sub(fit::width(&name)));
        let bar = "─".repeat(fit::width(&name) + 2);
        let (top, edge) = match joint {
            Joint::None => (bar.clone(), '│'),
            Joint::Above => (format!("─┴{}", "─".repeat(fit::width(&name))), '│'),
            Joint::Left => (bar.clone(), '┤'),
        };
        self.lines.push(format!("{}┌{top}┐", left[0]));
        let middle = format!("{}{edge} {name} │ {text}", left[1]);
        self.lines.push(middle.trim_end().to_owned());
        self.lines.push(format!("{}└{bar}┘", left[2]));
    }
}
