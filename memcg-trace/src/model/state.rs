//! The model itself: each sample changes its state, from which snapshots are made.

use std::sync::Arc;

use super::balance::{Balance, NEAR_HIGH};
use super::deadlocks::Deadlocks;
use super::locks::Locks;
use super::pins::Pins;
use super::reclaim::Reclaims;
use super::reparent::Reparents;
use super::shrinkers::Shrinkers;
use super::slab::SlabRates;
use super::slab_walk::SlabHoldings;
use super::snapshot::{self, Counted, Section, Snapshot, Source, Totals};
use super::tree::Tree;
use super::trend::Trend;
use super::{cache_contents, callers, dying, zombie_cost};
use crate::deadlock::Rules;
use crate::sample::callers::Callers;
use crate::sample::host_facts::HostFacts;
use crate::sample::reclaim::Shrinking;
use crate::sample::uses::CgroupUses;
use crate::sample::{self, Loss, MemcgEventKind, Sample, SlabBefore};

/// The state that the model carries from sample to sample.
#[derive(Debug)]
pub struct Model {
    frame: u64,
    last_mono_ns: Option<u64>,
    interval_ns: Option<u64>,
    host_facts: Option<Arc<HostFacts>>,
    tree: Tree,
    dying: Option<Arc<snapshot::Dying>>,
    slab: SlabRates,
    slab_walks: SlabHoldings,
    /// The rows of `slab` and `slab_walks` joined.
    slab_rows: Arc<Section<snapshot::Slab>>,
    slab_inside: Arc<Section<snapshot::CacheContents>>,
    callers: Arc<Section<Callers>>,
    shrinkers: Shrinkers,
    reclaim: Reclaims,
    shrinking: Arc<[Shrinking]>,
    locks: Locks,
    zombie_cost: Arc<Section<sample::ZombieCost>>,
    deadlocks: Deadlocks,
    pins: Pins,
    cgroup_uses: Option<Arc<CgroupUses>>,
    reparents: Reparents,
    trend: Trend,
    balance: Balance,
    memcgs: Arc<Section<snapshot::Memcg>>,
    totals: Totals,
    names_not_read: Arc<[String]>,
    losses: Arc<[Loss]>,
    counted: Counted,
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}

impl Model {
    #[must_use]
    pub fn new() -> Self {
        Self::judging(Rules::default())
    }

    /// Creates an empty model that judges waits by `rules`.
    #[must_use]
    pub fn judging(rules: Rules) -> Self {
        Self {
            frame: 0,
            last_mono_ns: None,
            interval_ns: None,
            host_facts: None,
            tree: Tree::default(),
            dying: None,
            slab: SlabRates::new(),
            slab_walks: SlabHoldings::new(),
            slab_rows: Arc::new(Section::unread("slab")),
            slab_inside: Arc::new(Section::unread("slab_inside")),
            callers: Arc::new(Section::unread(callers::NAME)),
            shrinkers: Shrinkers::new(),
            reclaim: Reclaims::new(),
            shrinking: Arc::new([]),
            locks: Locks::new(),
            zombie_cost: zombie_cost::section(None, None),
            deadlocks: Deadlocks::new(rules),
            pins: Pins::new(),
            cgroup_uses: None,
            reparents: Reparents::new(),
            trend: Trend::new(),
            balance: Balance::new(NEAR_HIGH),
            memcgs: Arc::new(Section::unread("memcg")),
            totals: Totals::default(),
            names_not_read: Arc::new([]),
            losses: Arc::new([]),
            counted: Counted::default(),
        }
    }

    /// Sets the share of `memory.high` at which usage becomes a finding.
    #[must_use]
    pub fn near_high(self, near_high: f64) -> Self {
        Self {
            balance: Balance::new(near_high),
            ..self
        }
    }

    /// Takes in the next sample and returns the snapshot of its moment.
    ///
    /// A section for which the sample has nothing stays as it was, with the time at which it was
    /// read.
    pub fn step(&mut self, sample: &Sample) -> Arc<Snapshot> {
        // An answer is not periodic: it changes no interval, and has no losses.
        if !sample.is_answer() {
            self.interval_ns = self
                .last_mono_ns
                .and_then(|last| sample.mono_ns.checked_sub(last))
                .filter(|interval| *interval > 0);
            self.last_mono_ns = Some(sample.mono_ns);
            if *self.losses != *sample.losses {
                self.losses = sample.losses.as_slice().into();
            }
        }

        if let Some(facts) = &sample.host_facts {
            self.host_facts = Some(Arc::new(facts.clone()));
        }
        if let Some(files) = &sample.state_files {
            self.tree.on_names(files);
            self.names_not_read = files.not_read.as_slice().into();
        }
        let heirs = self.step_memcgs_and_slab(sample);
        if let Some(counts) = &sample.dying {
            self.dying = Some(Arc::new(dying::of(counts, self.tree.names())));
        }
        self.step_slab_walk(sample, &heirs);
        match (sample.absence("shrinker"), &sample.shrinkers) {
            (Some(reason), _) => self.shrinkers.mark_absent(reason),
            (None, Some(rows)) => self.shrinkers.read(rows, sample.mono_ns, &self.tree),
            (None, None) => {}
        }
        match (sample.absence("reclaim"), &sample.reclaim) {
            (Some(reason), _) => self.reclaim.mark_absent(reason),
            (None, Some(reclaim)) => {
                self.reclaim.read(reclaim, &self.memcgs.items, &self.tree);
                self.shrinking = reclaim.shrinking.as_slice().into();
            }
            (None, None) => {}
        }
        match (sample.absence("lock"), &sample.locks) {
            (Some(reason), _) => self.locks.mark_absent(reason),
            (None, Some(locks)) => self.locks.read(locks, &self.tree),
            (None, None) => {}
        }
        match (sample.absence("tax"), sample.zombie_cost) {
            (Some(reason), _) => self.zombie_cost = Arc::new(Section::absent("tax", reason)),
            (None, Some(tax)) => {
                self.zombie_cost = zombie_cost::section(Some(tax), Some(sample.mono_ns))
            }
            (None, None) => {}
        }
        match (sample.absence("waits"), &sample.waits) {
            (Some(reason), _) => self.deadlocks.mark_absent(reason),
            (None, Some(answer)) => self.deadlocks.read(answer, &self.tree),
            (None, None) => {}
        }
        match (sample.absence("pins"), &sample.pins) {
            (Some(reason), _) => self.pins.mark_absent(reason),
            (None, Some(answer)) => self.pins.read(answer, &self.tree, self.dying.as_deref()),
            (None, None) => self.pins.drop_released(&self.tree, self.dying.as_deref()),
        }

        if let Some(uses) = &sample.cgroup_uses {
            self.cgroup_uses = Some(Arc::new(uses.clone()));
        }

        if !sample.is_answer() {
            self.balance
                .read(sample, &self.tree, &self.memcgs, &self.slab_rows);
        }

        let frame = self.frame;
        self.frame += 1;
        let mut snapshot = Snapshot {
            frame,
            mono_ns: sample.mono_ns,
            unix_ns: sample.unix_ns,
            interval_ns: self.interval_ns,
            host_facts: self.host_facts.clone(),
            totals: self.totals,
            memcgs: Arc::clone(&self.memcgs),
            dying: self.dying.clone(),
            slab: Arc::clone(&self.slab_rows),
            slab_caches: self.slab_walks.caches(),
            large_kmalloc_pages: self.slab_walks.large_kmalloc_pages(),
            inherited: self.slab_walks.inherited(),
            slab_inside: Arc::clone(&self.slab_inside),
            callers: Arc::clone(&self.callers),
            shrinkers: self.shrinkers.section(),
            reclaim: self.reclaim.section(),
            shrinking: Arc::clone(&self.shrinking),
            lock_waits: self.locks.waits(),
            lock_stats: self.locks.stats(),
            zombie_cost: Arc::clone(&self.zombie_cost),
            deadlocks: self.deadlocks.deadlocks(),
            convoys: self.deadlocks.convoys(),
            waits: self.deadlocks.waits(),
            judged: self.deadlocks.judged(),
            pins: self.pins.section(),
            cgroup_uses: self.cgroup_uses.clone(),
            reparents: self.reparents.section(),
            findings: self.balance.join(self.trend.section()),
            names_not_read: Arc::clone(&self.names_not_read),
            losses: Arc::clone(&self.losses),
            omitted: Vec::new(),
            counted: self.counted,
        };
        if !sample.is_answer() {
            self.counted = self.counted.at_least(snapshot.counted_by_rows());
            snapshot.counted = self.counted;
        }
        Arc::new(snapshot)
    }

    /// Returns what slab counters counted so far, for a recording that begins with the last sample.
    #[must_use]
    pub fn slab_so_far(&self) -> SlabBefore {
        self.slab.so_far(&self.tree)
    }

    /// Updates the slab holdings: the last walk of all slabs, and the events since.
    fn step_slab_walk(&mut self, sample: &Sample, heirs: &[(u64, u64)]) {
        match (sample.absence("slab_walk"), &sample.slab_walk) {
            (Some(reason), _) => self.slab_walks.mark_absent(reason),
            (None, Some(walk)) => {
                let memcgs = &self.memcgs.items;
                self.slab_walks.read(walk, &self.slab, &self.tree, memcgs);
            }
            (None, None) => {}
        }
        match (sample.absence("slab_inside"), &sample.slab_inside) {
            (Some(reason), _) => {
                self.slab_inside = Arc::new(Section::absent("slab_inside", reason));
            }
            (None, Some(answer)) => self.slab_inside = cache_contents::section(answer, &self.tree),
            (None, None) => {}
        }
        match (sample.absence(callers::NAME), &sample.callers) {
            (Some(reason), _) => self.callers = Arc::new(Section::absent(callers::NAME, reason)),
            (None, Some(read)) => self.callers = callers::section(read),
            (None, None) => {}
        }
        for (dead, heir) in heirs {
            self.slab_walks.inherits(*dead, *heir, &self.slab);
        }
        self.slab_rows = self.slab_walks.join(&self.slab.section(), &self.tree);
        if self.slab_walks.caches().is_known() && self.memcgs.is_known() {
            let memcgs = Arc::make_mut(&mut self.memcgs);
            self.slab_walks.fill(&mut memcgs.items, &self.slab_rows);
        }
    }

    /// Updates memcgs and slab rates together: slab counts are booked to memcgs, and memcgs show
    /// slab rates. Returns each memcg that went offline with its heir, in the order of the events:
    /// both may have been freed since.
    fn step_memcgs_and_slab(&mut self, sample: &Sample) -> Vec<(u64, u64)> {
        let mut heirs = Vec::new();
        let no_memcgs = sample.absence("memcg");
        let has_memcgs = no_memcgs.is_none() && (sample.memcgs.is_some() || sample.life.is_some());
        if has_memcgs {
            // Before the first walk no memcg has a path, but events of the same sample need paths.
            if let (false, Some(walk)) = (self.tree.is_walked(), &sample.memcgs) {
                self.tree.on_walk(walk);
            }
            for event in sample.life.iter().flatten() {
                self.tree.on_event(event);
                if event.kind == MemcgEventKind::Offline
                    && let Some(heir) = self.tree.live_ancestor(event.serial_nr)
                {
                    heirs.push((event.serial_nr, heir.serial_nr));
                }
                self.reparents.on_event(event, &self.tree);
                self.trend.on_event(event, &self.tree);
            }
            if let Some(walk) = &sample.memcgs {
                self.tree.on_walk(walk);
            }
        }
        self.reparents.before_slab(&self.slab);
        match (sample.absence("slab"), &sample.slab) {
            (Some(reason), _) => self.slab.mark_absent(reason),
            (None, Some(slab)) => self.slab.read(slab, &self.tree),
            (None, None) => self.slab.on_tree_change(&self.tree),
        }
        if let Some(reason) = no_memcgs {
            let known = self.memcgs.source == Source::Absent
                && self.memcgs.reason.as_deref() == Some(reason);
            if !known {
                self.memcgs = Arc::new(Section::absent("memcg", reason));
                self.totals = Totals::default();
            }
            self.reparents.mark_absent(reason);
            self.trend.mark_absent(reason);
        } else if has_memcgs || (sample.slab.is_some() && self.tree.as_of_ns().is_some()) {
            self.memcgs = Arc::new(self.tree.section(|serial_nr| self.slab.rates_of(serial_nr)));
            self.totals = Totals::of(&self.memcgs.items);
            if sample.life.is_some() {
                let walk = sample.memcgs.as_ref();
                let reparents_lru = walk.and_then(|walk| walk.reparents_lru);
                let slab = &mut self.slab;
                self.reparents
                    .complete(slab, &self.tree, reparents_lru, sample.mono_ns);
            }
            if let Some(walk) = &sample.memcgs {
                self.trend.on_walk(walk, &self.memcgs.items, &self.tree);
            }
        }
        heirs
    }
}
