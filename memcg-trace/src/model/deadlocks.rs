//! Deadlocks: the verdict on the last answer, and the state of earlier deadlocks.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::names::MemcgNames;
use super::snapshot::{Convoy, Deadlock, Judged, MemcgId, Outcome, Phase, Section, Source, Wait};
use super::tree::Tree;
use crate::deadlock::{self, Rules, State, table};
use crate::sample::waits::{Task, TaskScan, Waits};

/// The number of resolved deadlocks that stay listed.
const MAX_RESOLVED: usize = 16;
/// The number of blocked zombies that a deadlock lists.
const MAX_BLOCKED: usize = 100;

/// The last answer, and the deadlocks of all answers.
#[derive(Debug)]
pub(super) struct Deadlocks {
    rules: Rules,
    names: MemcgNames,
    revision: u64,
    deadlocks: Arc<Section<Deadlock>>,
    convoys: Arc<Section<Convoy>>,
    waits: Arc<Section<Wait>>,
    judged: Option<Arc<Judged>>,
}

impl Deadlocks {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            names: MemcgNames::default(),
            revision: 0,
            deadlocks: Arc::new(Section::absent("deadlock", "not asked")),
            convoys: Arc::new(Section::absent("convoy", "not asked")),
            waits: Arc::new(Section::absent("waits", "not asked")),
            judged: None,
        }
    }

    pub(super) fn deadlocks(&self) -> Arc<Section<Deadlock>> {
        Arc::clone(&self.deadlocks)
    }

    pub(super) fn convoys(&self) -> Arc<Section<Convoy>> {
        Arc::clone(&self.convoys)
    }

    pub(super) fn waits(&self) -> Arc<Section<Wait>> {
        Arc::clone(&self.waits)
    }

    pub(super) fn judged(&self) -> Option<Arc<Judged>> {
        self.judged.clone()
    }

    pub(super) fn mark_absent(&mut self, reason: &str) {
        if self.waits.is_known() || self.waits.reason.as_deref() != Some(reason) {
            self.deadlocks = Arc::new(Section::absent("deadlock", reason));
            self.convoys = Arc::new(Section::absent("convoy", reason));
            self.waits = Arc::new(Section::absent("waits", reason));
            self.judged = None;
        }
    }

    /// Takes in an answer.
    pub(super) fn read(&mut self, answer: &Waits, tree: &Tree) {
        self.names.start_list();
        let verdict = deadlock::judge(answer, &self.rules);
        let last = answer.looks.last();
        let end_ns = last.map_or(0, |look| look.end_ns);
        let is_whole = answer.looks.iter().all(|look| look.truncated_at.is_none());

        let found = verdict.deadlocks.into_iter();
        let mut deadlocks: Vec<Deadlock> = found
            .map(|one| self.continue_from_earlier(one, tree))
            .collect();
        let here: HashSet<u64> = deadlocks.iter().map(|one| one.found.cycle_id).collect();
        let before = Arc::clone(&self.deadlocks);
        let gone = (before.items.iter()).filter(|one| !here.contains(&one.found.cycle_id));
        for gone in gone {
            match gone.found.state {
                State::Confirmed if is_whole => deadlocks.push(self.resolved(gone, end_ns)),
                // A deadlock that a truncated scan did not reach may still exist.
                State::Confirmed | State::Resolved => deadlocks.push(gone.clone()),
                State::Suspected => {}
            }
        }
        let mut resolved = 0;
        deadlocks.retain(|one| {
            resolved += usize::from(one.resolved_ns.is_some());
            one.resolved_ns.is_none() || resolved <= MAX_RESOLVED
        });

        let mut convoys = Vec::new();
        for found in verdict.convoys {
            let root = found.root.as_ref();
            let memcg = root.and_then(|task| self.memcg(task, tree));
            convoys.push(Convoy { found, memcg });
        }
        let answered = Arc::new(answer.clone());
        let waits = self.listed(&answered, &deadlocks, tree);
        let is_suspected = |one: &Deadlock| one.found.state == State::Suspected;
        let outcome = if deadlocks.iter().any(Deadlock::is_confirmed) {
            Outcome::Deadlock
        } else if deadlocks.iter().any(is_suspected)
            || verdict.undecided_waits > 0
            || !answer.not_checked.is_empty()
            || !is_whole
        {
            Outcome::Undecided
        } else {
            Outcome::NoDeadlock
        };
        self.deadlocks = Arc::new(section("deadlock", answer, deadlocks));
        self.convoys = Arc::new(section("convoy", answer, convoys));
        self.waits = Arc::new(section("waits", answer, waits));
        self.judged = Some(Arc::new(Judged {
            as_of_ns: end_ns,
            visited_tasks: answer.looks.first().map_or(0, |look| look.visited_tasks),
            looks: answer.looks.len() as u64,
            judged_waits: verdict.judged_waits,
            convoys_omitted: verdict.convoys_omitted,
            min_wait_ns: self.rules.min_wait_ns,
            user_space_rings: verdict.user_space_rings,
            not_checked: answer.not_checked.clone(),
            outcome,
            undecided_waits: verdict.undecided_waits,
            open_ends: verdict.open_ends,
            answer: answered,
        }));
    }

    /// Returns a deadlock of this answer, with the facts from earlier answers.
    fn continue_from_earlier(&mut self, mut found: deadlock::Deadlock, tree: &Tree) -> Deadlock {
        let before = self.deadlocks.items.iter();
        let mut before = before.filter(|one| one.resolved_ns.is_none());
        let before = before
            .find(|one| one.found.cycle_id == found.cycle_id)
            .cloned();
        if let Some(before) = &before {
            let first = &before.found;
            found.candidate_ns = first.candidate_ns;
            found.close_before_ns = first.close_before_ns.min(found.close_before_ns);
            // A confirmed deadlock does not end by itself, whatever the last scan found.
            if first.state == State::Confirmed {
                found.state = State::Confirmed;
                found.confirmed_ns = first.confirmed_ns;
                found.sentence.clone_from(&first.sentence);
                found.missing.clear();
            }
        }
        let is_news = before
            .as_ref()
            .is_none_or(|one| one.found.state != found.state);
        let revision = match (&before, is_news) {
            (Some(before), false) => before.revision,
            _ => self.next_revision(),
        };
        let mut memcgs = BTreeMap::new();
        for task in found.members.iter().chain(&found.victims) {
            if let (Some(serial_nr), Some(id)) = (task.memcg_serial_nr, self.memcg(task, tree)) {
                memcgs.insert(serial_nr, id);
            }
        }
        Deadlock {
            blocked_zombies: blocked_zombies(&found, tree),
            found: Arc::new(found),
            revision,
            resolved_ns: None,
            memcgs,
        }
    }

    fn resolved(&mut self, gone: &Deadlock, now_ns: u64) -> Deadlock {
        Deadlock {
            found: Arc::new(deadlock::Deadlock {
                state: State::Resolved,
                ..deadlock::Deadlock::clone(&gone.found)
            }),
            revision: self.next_revision(),
            resolved_ns: Some(now_ns),
            blocked_zombies: Vec::new(),
            ..gone.clone()
        }
    }

    fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    fn memcg(&mut self, task: &Task, tree: &Tree) -> Option<Arc<MemcgId>> {
        let serial_nr = task.memcg_serial_nr?;
        Some(self.names.of(serial_nr, tree))
    }

    /// Returns the waits that get a row, the longest first: all in deadlocks and behind them, and
    /// other long ones that no program chooses by itself.
    fn listed(&mut self, answer: &Arc<Waits>, deadlocks: &[Deadlock], tree: &Tree) -> Vec<Wait> {
        let Some(look) = answer.looks.first() else {
            return Vec::new();
        };
        let standing = deadlocks.iter().filter(|one| one.resolved_ns.is_none());
        let tasks = standing.flat_map(|one| one.found.members.iter().chain(&one.found.victims));
        let stuck: HashSet<u64> = tasks.map(|task| task.addr).collect();
        let mut waits = Vec::new();
        for (at, wait) in look.waits.iter().enumerate() {
            let Some(task) = look.tasks.get(wait.task as usize) else {
                continue;
            };
            let waited_ns = self.rules.age_ns(answer, wait);
            let is_long = waited_ns.is_none_or(|age_ns| age_ns >= self.rules.min_wait_ns);
            if stuck.contains(&task.addr) || is_long && is_of_the_kernel(look, wait.resource) {
                waits.push(Wait {
                    answer: Arc::clone(answer),
                    at,
                    memcg: self.memcg(task, tree),
                    waited_ns,
                });
            }
        }
        waits.sort_by_key(|wait| std::cmp::Reverse(wait.waited_ns));
        waits
    }
}

/// Returns whether a wait for the resource is none that programs choose to sleep in.
fn is_of_the_kernel(look: &TaskScan, resource: u32) -> bool {
    let kind = look.resources.get(resource as usize).map(|one| one.kind);
    kind.is_some_and(table::is_of_the_kernel)
}

/// Returns the zombies that a deadlock keeps: those whose tasks are in it and, if it is about
/// `cgroup_mutex`, those that are queued to go offline, which needs that mutex
/// (kernel/cgroup/cgroup.c: css_killed_work_fn()).
fn blocked_zombies(found: &deadlock::Deadlock, tree: &Tree) -> Vec<Arc<MemcgId>> {
    let mut names = found.edges.iter().map(|edge| edge.resource.name.as_deref());
    let holds_cgroup_mutex = names.any(|name| name == Some("cgroup_mutex"));
    let tasks = found.members.iter().chain(&found.victims);
    let members: HashSet<u64> = tasks.filter_map(|task| task.memcg_serial_nr).collect();
    let is_blocked = |serial_nr: u64| match tree.phase(serial_nr) {
        Some(Phase::KillPending | Phase::OfflineQueued) if holds_cgroup_mutex => true,
        Some(_) => members.contains(&serial_nr),
        None => false,
    };
    let zombies = tree.zombies().into_iter();
    let blocked = zombies.filter(|id| is_blocked(id.serial_nr));
    blocked.take(MAX_BLOCKED).collect()
}

fn section<T>(name: &'static str, answer: &Waits, items: Vec<T>) -> Section<T> {
    let looks = || answer.looks.iter();
    Section {
        name,
        source: Source::Walk,
        as_of_ns: looks().map(|look| look.end_ns).next_back(),
        took_ns: Some(
            looks()
                .map(|look| look.took_ns)
                .fold(0, u64::saturating_add),
        ),
        visited: looks().map(|look| look.visited_tasks).next(),
        truncated_at: looks().find_map(|look| look.truncated_at),
        reason: None,
        items,
    }
}
