//! What was seen of some memory cgroups over time: bounds for the steps of their removal.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answer::{State, Step, What, When};
use crate::model::snapshot::{Memcg, MemcgId, Phase, Snapshot};
use crate::model::zombies::Wanted;

/// Bound on the memory cgroups that are followed: names are reused.
const MAX_FOLLOWED: usize = 1 << 12;
/// Bound on the chains of causes of one step.
const MAX_CHAINS: usize = 4;

/// The memory cgroups of one name, as the snapshots of a run had them.
#[derive(Clone, Debug)]
pub struct Seen {
    wanted: Option<Wanted>,
    as_of_ns: Option<u64>,
    lives: BTreeMap<u64, Life>,
    /// By memory cgroup and step, what the step waited for.
    causes: BTreeMap<(u64, What), Vec<Chain>>,
}

/// A chain of causes, as some looks had it: they end in the same way.
#[derive(Clone, Debug)]
struct Chain {
    first_ns: u64,
    last_ns: u64,
    steps: Vec<Step>,
}

impl Chain {
    fn new(now_ns: u64) -> Self {
        Self {
            first_ns: now_ns,
            last_ns: now_ns,
            steps: Vec::new(),
        }
    }

    /// A look may have missed a step: the longest chain is told, and of two that are as long the
    /// one that has lasted longer.
    fn weight(&self) -> (usize, u64) {
        (self.steps.len(), self.last_ns.saturating_sub(self.first_ns))
    }

    fn see(&mut self, mut steps: Vec<Step>, now_ns: u64) {
        self.last_ns = now_ns;
        if steps.len() < self.steps.len() {
            return;
        }
        for step in &mut steps {
            let is_same = |one: &&Step| one.text == step.text;
            let before = self.steps.iter().find(is_same).map(|one| one.when);
            step.state = State::Done;
            if step.when.for_ns.is_none() {
                let after_ns = before.and_then(|when| when.after_ns);
                step.when = When {
                    after_ns: Some(after_ns.unwrap_or(now_ns)),
                    before_ns: Some(now_ns),
                    ..When::default()
                };
            }
        }
        self.steps = steps;
    }
}

/// One of them.
#[derive(Clone, Debug)]
struct Life {
    id: Arc<MemcgId>,
    /// When it was last seen alive.
    alive_ns: Option<u64>,
    /// When it was first and last seen in each phase.
    phases: [Option<(u64, u64)>; Phase::ALL.len()],
    offline_ns: Option<u64>,
    /// When it was last seen, and first missed after that.
    last_ns: u64,
    missed_ns: Option<u64>,
}

impl Seen {
    /// Follows the memory cgroups of a name; none, if there is no name.
    #[must_use]
    pub fn new(wanted: Option<Wanted>) -> Self {
        Self {
            wanted,
            as_of_ns: None,
            lives: BTreeMap::new(),
            causes: BTreeMap::new(),
        }
    }

    /// Remembers what a memory cgroup waits for or is pinned by, for when that is over.
    pub(super) fn remember(&mut self, serial_nr: u64, steps: &[Step], now_ns: u64) {
        let mut found: BTreeMap<What, Vec<Step>> = BTreeMap::new();
        let mut within = None;
        for step in steps {
            if step.depth == 0 {
                let is_now = step.state == State::Now;
                within = Some(step.what).filter(|_| is_now && is_caused(step.what));
            }
            // The task in rmdir(2) and each pin are causes themselves.
            let is_itself = step.depth > 0 || matches!(step.what, What::Rmdir | What::Pin);
            if let Some(what) = within.filter(|_| is_itself && step.state == State::Now) {
                found.entry(what).or_default().push(step.clone());
            }
        }
        for (what, steps) in found {
            let chains = self.causes.entry((serial_nr, what)).or_default();
            let end = steps.last().map(|step| step.text.clone());
            let is_same =
                |one: &&mut Chain| one.steps.last().map(|step| &step.text) == end.as_ref();
            match chains.iter_mut().find(is_same) {
                Some(chain) => chain.see(steps, now_ns),
                None => {
                    let mut chain = Chain::new(now_ns);
                    chain.see(steps, now_ns);
                    // A new one may last longer than any before.
                    chains.sort_by_key(Chain::weight);
                    chains.drain(..chains.len().saturating_sub(MAX_CHAINS - 1));
                    chains.push(chain);
                }
            }
        }
    }

    /// What a step that is over waited for, as far as that was seen.
    pub(super) fn causes(&self, serial_nr: u64, what: What) -> Vec<Step> {
        let chains = self.causes.get(&(serial_nr, what));
        let chain = chains.and_then(|chains| chains.iter().max_by_key(|chain| chain.weight()));
        chain.map(|chain| chain.steps.clone()).unwrap_or_default()
    }

    /// Takes in a snapshot. One without a new list of memory cgroups says nothing new.
    pub fn see(&mut self, snapshot: &Snapshot) {
        let Some(wanted) = &self.wanted else { return };
        // One that is released at once is in no list after it went offline.
        for left in &snapshot.reparents.items {
            if let Some(life) = self.lives.get_mut(&left.memcg.serial_nr) {
                life.offline_ns.get_or_insert(left.time_ns);
            }
        }
        let memcgs = &snapshot.memcgs;
        let Some(now_ns) = memcgs.as_of_ns.filter(|_| memcgs.as_of_ns != self.as_of_ns) else {
            return;
        };
        self.as_of_ns = Some(now_ns);
        for memcg in memcgs.items.iter().filter(|memcg| wanted.is(&memcg.id)) {
            let is_full = self.lives.len() >= MAX_FOLLOWED;
            if is_full && !self.lives.contains_key(&memcg.id.serial_nr) {
                continue;
            }
            let life = self
                .lives
                .entry(memcg.id.serial_nr)
                .or_insert_with(|| Life {
                    id: Arc::clone(&memcg.id),
                    alive_ns: None,
                    phases: [None; Phase::ALL.len()],
                    offline_ns: None,
                    last_ns: now_ns,
                    missed_ns: None,
                });
            life.see(memcg, now_ns);
        }
        // A walk that stopped at a bound may have missed some.
        if memcgs.truncated_at.is_none() {
            for life in self
                .lives
                .values_mut()
                .filter(|life| life.last_ns != now_ns)
            {
                life.missed_ns.get_or_insert(now_ns);
            }
        }
    }

    /// The memory cgroups that were seen.
    pub(super) fn ids(&self) -> impl Iterator<Item = &Arc<MemcgId>> {
        self.lives.values().map(|life| &life.id)
    }

    /// When it was removed: after it was last seen alive, and before it was first seen dead.
    pub(super) fn removed(&self, serial_nr: u64) -> When {
        let life = self.lives.get(&serial_nr);
        life.map_or_else(When::default, |life| life.between(0))
    }

    /// When it came to a phase.
    pub(super) fn reached(&self, serial_nr: u64, phase: Phase) -> When {
        let life = self.lives.get(&serial_nr);
        life.map_or_else(When::default, |life| life.between(phase as usize))
    }

    /// When it went offline.
    pub(super) fn offline(&self, serial_nr: u64) -> When {
        let at_ns = self.lives.get(&serial_nr).and_then(|life| life.offline_ns);
        match at_ns {
            Some(_) => When {
                at_ns,
                ..When::default()
            },
            None => self.reached(serial_nr, Phase::Pinned),
        }
    }

    /// When it was released: after it was last seen, and before it was first missed.
    pub(super) fn released(&self, serial_nr: u64) -> When {
        let life = self.lives.get(&serial_nr);
        When {
            after_ns: life.map(|life| life.last_ns),
            before_ns: life.and_then(|life| life.missed_ns),
            ..When::default()
        }
    }
}

/// Whether the causes of such a step are told after it is over.
fn is_caused(what: What) -> bool {
    matches!(
        what,
        What::Rmdir | What::Drained | What::KillConfirmed | What::Offline | What::Pin
    )
}

impl Life {
    fn see(&mut self, memcg: &Memcg, now_ns: u64) {
        self.last_ns = now_ns;
        self.missed_ns = None;
        self.offline_ns = self.offline_ns.or(memcg.offline_ns);
        match memcg.phase {
            None => self.alive_ns = Some(now_ns),
            Some(phase) => {
                let times = self.phases[phase as usize].get_or_insert((now_ns, now_ns));
                times.1 = now_ns;
            }
        }
    }

    /// The bounds of the moment at which it came to the phase with this index, or to a later one.
    fn between(&self, phase: usize) -> When {
        let earlier = self.phases[..phase].iter().flatten().map(|(_, last)| *last);
        let later = self.phases[phase..]
            .iter()
            .flatten()
            .map(|(first, _)| *first);
        let after_ns = earlier.chain(self.alive_ns).max();
        // Without anything before, it was there from the first.
        let Some(after_ns) = after_ns else {
            return When::default();
        };
        When {
            after_ns: Some(after_ns),
            before_ns: later.chain(self.offline_ns).chain(self.missed_ns).min(),
            ..When::default()
        }
    }
}
