//! Deadlock detection: from the waits of [`crate::sample::waits`] to verdicts.
//!
//! The waits make a graph in which a task needs all resources that it waits for, and a resource all
//! of its holders or any one of them ([`table`]). Nodes that can make progress are removed until
//! nothing changes. The nodes that are left never make progress ([`graph`]), and their cycles are
//! deadlocks. That is a proof if the graph contains no guess and two looks saw the same facts. The
//! same is done once more with guesses; a cycle that only this finds is suspected. A long wait that
//! is neither stuck nor shown to end, since it leads to a holder that is not known, is undecided
//! ([`OpenEnd`]).
//!
//! Pure: no clock, no kernel, no I/O.

mod build;
mod case;
mod convoys;
mod cycles;
mod evidence;
pub mod graph;
mod open;
mod ready;
mod report;
mod stable;
pub mod table;
mod verdict;
pub mod words;

use std::cmp::Reverse;

use build::{Facts, Trust};
use case::Case;
use convoys::Search;
use cycles::NONE;
use stable::Stability;
pub use verdict::{Break, Cause, Convoy, Deadlock, Edge, OpenEnd, State, Verdict};

use crate::sample::waits::{Look, Wait, Waits};

/// The parameters of a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Younger waits are not judged.
    pub min_wait_ns: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            min_wait_ns: 1_000_000_000,
        }
    }
}

impl Rules {
    /// Age of a wait of the first look, at the time of the last look.
    #[must_use]
    pub fn age_ns(&self, waits: &Waits, wait: &Wait) -> Option<u64> {
        let (first, last) = (waits.looks.first()?, waits.looks.last()?);
        let began_ns = began_ns(first, wait)?;
        Some(last.end_ns.saturating_sub(began_ns))
    }

    /// Returns whether a wait is old enough to be judged. A wait of unknown age is.
    fn is_old(&self, waits: &Waits, wait: &Wait) -> bool {
        let age_ns = self.age_ns(waits, wait);
        age_ns.is_none_or(|age_ns| age_ns >= self.min_wait_ns)
    }
}

/// Start of a wait: as an event recorded it, else when its task last got a CPU, shortly before.
fn began_ns(look: &Look, wait: &Wait) -> Option<u64> {
    let ran_ns = || look.tasks.get(wait.task as usize)?.ran_ns;
    wait.since_ns.or_else(ran_ns)
}

/// Judges the waits of an answer.
#[must_use]
pub fn judge(waits: &Waits, rules: &Rules) -> Verdict {
    let Some(look) = waits.looks.first() else {
        return Verdict::default();
    };
    let old = look.waits.iter().filter(|wait| rules.is_old(waits, wait));
    let judged_waits = old.count() as u64;
    if judged_waits == 0 {
        return Verdict::default();
    }
    let stability = Stability::of(look, waits.looks.get(1));
    let facts = |trust| Facts {
        look,
        stability: &stability,
        trust,
    };
    let proven = Case::new(waits, facts(Trust::Proof), rules);
    let (mut found, mut user_space_rings) = proven.deadlocks(|_| true);
    if proven.facts.has_guesses() {
        let guessed = Case::new(waits, facts(Trust::Hints), rules);
        let is_new = |nodes: &[u32]| nodes.iter().all(|node| !proven.residue[*node as usize]);
        let (mut suspected, more_rings) = guessed.deadlocks(is_new);
        found.append(&mut suspected);
        user_space_rings += more_rings;
    }
    found.sort_by_key(|(_, one)| (one.state, one.cycle_edges, Reverse(one.victims.len())));

    let mut deadlock_of = vec![NONE; look.tasks.len()];
    for (at, (nodes, _)) in (0..).zip(&found) {
        for node in nodes {
            if let Some(deadlock) = deadlock_of.get_mut(*node as usize) {
                *deadlock = at;
            }
        }
    }
    let deadlocks: Vec<Deadlock> = found.into_iter().map(|(_, one)| one).collect();
    let search = Search {
        waits,
        look,
        stability: &stability,
        deadlocks: &deadlocks,
        deadlock_of: &deadlock_of,
    };
    let (convoys, convoys_omitted) = search.convoys(rules);
    let open = open::Search {
        waits,
        look,
        stability: &stability,
        rules,
        proven: &proven.residue,
    };
    let (undecided_waits, open_ends) = open.ends();
    Verdict {
        deadlocks,
        convoys,
        convoys_omitted,
        judged_waits,
        user_space_rings,
        undecided_waits,
        open_ends,
    }
}
