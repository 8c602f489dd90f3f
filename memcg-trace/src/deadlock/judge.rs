//! The judgement of an answer: proven deadlocks, suspected ones, convoys and open ends.

use std::cmp::Reverse;

use super::Rules;
use super::build::{Trust, TrustedFacts};
use super::case::Case;
use super::convoys::Search;
use super::cycles::NONE;
use super::stable::Stability;
use super::undecided::Search as UndecidedSearch;
use super::verdict::{Deadlock, Verdict};
use crate::sample::waits::Waits;

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
    let facts = |trust| TrustedFacts {
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
    let undecided = UndecidedSearch {
        waits,
        look,
        stability: &stability,
        rules,
        proven: &proven.residue,
    };
    let (undecided_waits, open_ends) = undecided.ends();
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
