//! The growth of memcgs in the minutes before a kill.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::model::balance::moment::Moment;
use crate::model::snapshot::MemcgId;
use crate::sample::oom::OomMemory;
use crate::units;

/// The time between two marks, and the time that is looked back.
const MARK_NS: u64 = 30_000_000_000;
const BACK_NS: u64 = 300_000_000_000;
/// Less usage than this is not remembered: growth may seem larger by as much.
const LEAST_USAGE_BYTES: u64 = 64 << 10;
/// Less growth is none.
const LEAST_GROWTH_BYTES: u64 = 1 << 20;
/// Those that grew most are compared with each other.
const LOOKED_AT: usize = 256;
/// The number of memcgs that are named.
const NAMED: usize = 3;

/// The usage of live memcgs at some times.
#[derive(Debug, Default)]
pub(in crate::model::balance) struct Growth {
    /// Oldest first.
    marks: VecDeque<Mark>,
    last: HashMap<u64, u64>,
}

#[derive(Debug)]
struct Mark {
    time_ns: u64,
    usage_bytes: HashMap<u64, u64>,
}

/// A memcg that grew.
#[derive(Clone, Debug)]
pub(super) struct Grown {
    pub(super) memcg: Arc<MemcgId>,
    pub(super) bytes: u64,
    pub(super) within_ns: u64,
}

impl Grown {
    pub(super) fn text(&self) -> String {
        format!(
            "{} by {} in {}",
            self.memcg.shown(),
            units::bytes(Some(self.bytes)),
            units::duration(Some(self.within_ns)),
        )
    }
}

impl Growth {
    /// Takes in a walk, after the kills before it.
    pub(in crate::model::balance) fn on_sample(&mut self, moment: &Moment<'_>) {
        if moment.sample.memcgs.is_none() {
            return;
        }
        let live = moment.memcgs.iter().filter(|memcg| memcg.phase.is_none());
        let usage = live.filter_map(|memcg| {
            let bytes = memcg.facts.usage_bytes?;
            (bytes >= LEAST_USAGE_BYTES).then_some((memcg.id.serial_nr, bytes))
        });
        self.last = usage.collect();
        let since = |mark: &Mark| moment.now_ns.saturating_sub(mark.time_ns);
        if self.marks.back().is_none_or(|mark| since(mark) >= MARK_NS) {
            self.marks.push_back(Mark {
                time_ns: moment.now_ns,
                usage_bytes: self.last.clone(),
            });
        }
        while self.marks.len() > 1 && self.marks.front().is_some_and(|mark| since(mark) > BACK_NS) {
            self.marks.pop_front();
        }
    }

    /// Returns what grew until a kill, of the memcg whose limit it was and those below it; `None`
    /// where nothing is known from before.
    pub(super) fn before(
        &self,
        kill_ns: u64,
        memory: &OomMemory,
        moment: &Moment<'_>,
    ) -> Option<Vec<Grown>> {
        let mut marks = self.marks.iter();
        let mark = marks.find(|mark| kill_ns.saturating_sub(mark.time_ns) <= BACK_NS)?;
        let within_ns = kill_ns.checked_sub(mark.time_ns)?;
        let limit = moment.tree.id(memory.levels.first()?.serial_nr)?;
        let mut usage = self.last.clone();
        // These are of the kill itself.
        for level in memory.levels.iter().take(1).chain(&memory.below) {
            if let Some(bytes) = level.usage_bytes {
                usage.insert(level.serial_nr, bytes);
            }
        }
        let grown = usage.into_iter().filter_map(|(serial_nr, bytes)| {
            let memcg = moment.tree.id(serial_nr)?;
            let before = mark.usage_bytes.get(&serial_nr).copied().unwrap_or(0);
            let bytes = bytes.checked_sub(before)?;
            (bytes >= LEAST_GROWTH_BYTES && memcg.is_in(limit)).then(|| Grown {
                memcg: Arc::clone(memcg),
                bytes,
                within_ns,
            })
        });
        let mut grown: Vec<Grown> = grown.collect();
        grown.sort_by(|a, b| (b.bytes, &a.memcg.path).cmp(&(a.bytes, &b.memcg.path)));
        grown.truncate(LOOKED_AT);
        // What grew in a child grew in its parent: only the lowest is named.
        let is_of_child = |one: &Grown| {
            let mut others = grown.iter();
            others.any(|other| {
                other.memcg.serial_nr != one.memcg.serial_nr
                    && other.memcg.is_in(&one.memcg)
                    && other.bytes >= one.bytes - one.bytes / 4
            })
        };
        let lowest = grown.iter().filter(|one| !is_of_child(one)).cloned();
        Some(lowest.take(NAMED).collect())
    }
}
