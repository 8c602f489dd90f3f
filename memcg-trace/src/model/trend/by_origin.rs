//! Zombies by origin, from walks and the events between them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::findings::Findings;
use super::growth::{GRACE_NS, Step, Steps};
use super::origin::Origin;
use crate::model::snapshot::{Creator, Finding, Growth, Memcg, MemcgId, Phase, Section};
use crate::model::tree::Tree;
use crate::sample::{MemcgEvent, MemcgEventKind, MemcgWalk, Text};

/// The most origins that are followed. Quiet ones are forgotten after a while.
const MAX_ORIGINS: usize = 4096;

/// The steps and survivors of one origin.
#[derive(Debug)]
struct Followed {
    /// The memcg, where the origin is one.
    memcg: Option<Arc<MemcgId>>,
    steps: Steps,
    /// Zombies that have come to stay, as of the last walk.
    survivors: u64,
    own_cost_bytes: Option<u64>,
    creator_comm: Option<Text>,
}

/// A zombie that was found pinned.
#[derive(Debug)]
struct Zombie {
    since_ns: u64,
    /// Whether it has come to stay.
    counts: bool,
    parent: Option<Arc<MemcgId>>,
    creator: Option<Arc<Creator>>,
    own_cost_bytes: Option<u64>,
}

/// A change of a zombie: the count of a step that it adds to.
type Change = fn(&mut Step) -> &mut u64;

/// Zombies by origin, and the findings about them.
#[derive(Debug)]
pub(in crate::model) struct Trend {
    /// Serial numbers of memcgs that were dead at the first walk.
    old: Option<HashSet<u64>>,
    zombies: HashMap<u64, Zombie>,
    origins: HashMap<Origin, Followed>,
    last_walk_ns: u64,
    has_events: bool,
    findings: Findings,
}

impl Trend {
    pub(in crate::model) fn new() -> Self {
        Self {
            old: None,
            zombies: HashMap::new(),
            origins: HashMap::new(),
            last_walk_ns: 0,
            has_events: false,
            findings: Findings::new(),
        }
    }

    pub(in crate::model) fn section(&self) -> Arc<Section<Finding>> {
        self.findings.section()
    }

    pub(in crate::model) fn mark_absent(&mut self, reason: &str) {
        self.findings.mark_absent(reason);
    }

    /// Takes in an event that the tree has just taken in.
    pub(in crate::model) fn on_event(&mut self, event: &MemcgEvent, tree: &Tree) {
        self.has_events = true;
        let change: Change = match event.kind {
            MemcgEventKind::Online => |step| &mut step.births,
            MemcgEventKind::Offline => |step| &mut step.deaths,
            _ => return,
        };
        let parent = tree.live_ancestor(event.serial_nr);
        self.note_parent(parent, change);
        self.note_creator(tree.creator(event.serial_nr), change);
    }

    /// Takes in the tree after a walk.
    pub(in crate::model) fn on_walk(&mut self, walk: &MemcgWalk, memcgs: &[Memcg], tree: &Tree) {
        let now_ns = walk.end_ns;
        let dead = memcgs.iter().filter(|memcg| memcg.phase.is_some());
        let Some(old) = &mut self.old else {
            self.old = Some(dead.map(|memcg| memcg.id.serial_nr).collect());
            self.last_walk_ns = now_ns;
            self.origins.clear();
            return;
        };
        let before_ns = std::mem::replace(&mut self.last_walk_ns, now_ns);
        let Some(gap_ns) = now_ns.checked_sub(before_ns).filter(|gap| *gap > 0) else {
            return;
        };
        let dead: HashMap<u64, &Memcg> = dead.map(|memcg| (memcg.id.serial_nr, memcg)).collect();
        old.retain(|serial_nr| dead.contains_key(serial_nr));
        let changes = self.update_zombies(now_ns, &dead, tree);
        for (zombie, change) in &changes {
            self.note_parent(zombie.parent.as_ref(), *change);
        }
        self.add_up();
        let is_parent = |origin: &Origin| matches!(origin, Origin::Parent(_));
        self.assess(now_ns, gap_ns, is_parent);
        // A finding for the parent makes one for the creator redundant.
        for (zombie, change) in &changes {
            let parent = zombie.parent.as_ref();
            let is_reported = parent.is_some_and(|id| self.is_open(&Origin::Parent(id.serial_nr)));
            if !is_reported {
                self.note_creator(zombie.creator.as_ref(), *change);
            }
        }
        self.assess(now_ns, gap_ns, |origin| !is_parent(origin));
        let findings = &self.findings;
        self.origins
            .retain(|origin, one| !one.steps.is_empty() || findings.is_open(origin));
        self.findings.publish(walk);
    }

    /// Updates the list of zombies, and returns the changes.
    fn update_zombies(
        &mut self,
        now_ns: u64,
        dead: &HashMap<u64, &Memcg>,
        tree: &Tree,
    ) -> Vec<(Zombie, Change)> {
        let mut changes: Vec<(Zombie, Change)> = Vec::new();
        self.zombies.retain(|serial_nr, zombie| {
            let stays = dead.contains_key(serial_nr);
            if !stays {
                let change: Change = if zombie.counts {
                    |step| &mut step.gone
                } else {
                    |step| &mut step.vanished
                };
                changes.push((zombie.name(), change));
            }
            stays
        });
        let is_old = |serial_nr: &u64| self.old.as_ref().is_some_and(|old| old.contains(serial_nr));
        for (serial_nr, memcg) in dead.iter().filter(|(serial_nr, _)| !is_old(serial_nr)) {
            // Earlier phases pass by themselves, and a phase that only an event reported may, too.
            let is_pinned = memcg.phase == Some(Phase::Pinned) && memcg.facts.refs.is_some();
            match self.zombies.get_mut(serial_nr) {
                None if is_pinned => {
                    let zombie = Zombie {
                        since_ns: now_ns,
                        counts: false,
                        parent: tree.live_ancestor(*serial_nr).map(Arc::clone),
                        creator: memcg.creator.clone(),
                        own_cost_bytes: memcg.facts.own_cost_bytes,
                    };
                    changes.push((zombie.name(), |step| &mut step.fresh));
                    self.zombies.insert(*serial_nr, zombie);
                }
                Some(zombie)
                    if is_pinned
                        && !zombie.counts
                        && now_ns.saturating_sub(zombie.since_ns) >= GRACE_NS =>
                {
                    zombie.counts = true;
                    zombie.own_cost_bytes = memcg.facts.own_cost_bytes;
                    changes.push((zombie.name(), |step| &mut step.grown));
                }
                _ => {}
            }
        }
        changes
    }

    /// Counts the survivors of each origin.
    fn add_up(&mut self) {
        for one in self.origins.values_mut() {
            (one.survivors, one.own_cost_bytes) = (0, None);
        }
        for zombie in self.zombies.values().filter(|zombie| zombie.counts) {
            let parent = zombie.parent.as_ref();
            let parent = parent.map(|id| Origin::Parent(id.serial_nr));
            let creator = zombie.creator.as_ref();
            let creator = creator.map(|creator| Origin::Creator(creator.comm.clone()));
            for origin in [parent, creator].into_iter().flatten() {
                if let Some(one) = self.origins.get_mut(&origin) {
                    one.survivors += 1;
                    if let Some(bytes) = zombie.own_cost_bytes {
                        let sum = one.own_cost_bytes.unwrap_or(0);
                        one.own_cost_bytes = Some(sum.saturating_add(bytes));
                    }
                    let comm = zombie.creator.as_ref().map(|creator| &creator.comm);
                    one.creator_comm = comm.cloned().or(one.creator_comm.take());
                }
            }
        }
    }

    /// Closes the steps of some origins, and opens or continues findings.
    fn assess(&mut self, now_ns: u64, gap_ns: u64, which: impl Fn(&Origin) -> bool) {
        let has_events = self.has_events;
        for (origin, one) in self.origins.iter_mut().filter(|(origin, _)| which(origin)) {
            let step = one.steps.close(now_ns, gap_ns);
            let figures = |sum: Step| Growth {
                survivors: one.survivors,
                grown: sum.grown,
                gone: sum.gone,
                births: has_events.then_some(sum.births),
                deaths: has_events.then_some(sum.deaths),
                grown_per_sec: None,
                own_cost_bytes: one.own_cost_bytes,
                creator_comm: match origin {
                    Origin::Creator(comm) => Some(comm.clone()),
                    Origin::Parent(_) => one.creator_comm.clone(),
                },
            };
            if self.findings.is_open(origin) {
                let more = figures(step);
                if self.findings.continue_with(origin, more, (now_ns, gap_ns)) {
                    one.steps.clear();
                }
            } else if let Some(begin) = one.steps.growth(gap_ns) {
                let first_ns = begin.first_ns.saturating_sub(gap_ns);
                let figures = figures(begin.sum);
                self.findings
                    .open(origin, one.memcg.as_ref(), figures, (first_ns, now_ns));
            }
        }
    }

    fn is_open(&self, origin: &Origin) -> bool {
        self.findings.is_open(origin)
    }

    fn note_parent(&mut self, parent: Option<&Arc<MemcgId>>, change: Change) {
        if let Some(id) = parent {
            self.note(Origin::Parent(id.serial_nr), Some(id), change);
        }
    }

    fn note_creator(&mut self, creator: Option<&Arc<Creator>>, change: Change) {
        if let Some(creator) = creator {
            self.note(Origin::Creator(creator.comm.clone()), None, change);
        }
    }

    fn note(&mut self, origin: Origin, memcg: Option<&Arc<MemcgId>>, change: Change) {
        if self.origins.len() >= MAX_ORIGINS && !self.origins.contains_key(&origin) {
            return;
        }
        let one = self.origins.entry(origin).or_insert_with(|| Followed {
            memcg: memcg.map(Arc::clone),
            steps: Steps::default(),
            survivors: 0,
            own_cost_bytes: None,
            creator_comm: None,
        });
        let count = change(&mut one.steps.now);
        *count = count.saturating_add(1);
    }
}

impl Zombie {
    /// Returns a copy for a change.
    fn name(&self) -> Self {
        Self {
            parent: self.parent.clone(),
            creator: self.creator.clone(),
            ..*self
        }
    }
}
