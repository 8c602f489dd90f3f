//! The list of subjects that programs count.

use aya::Ebpf;

use super::locks::subject::LockCounts;
use super::memcgs::zombie_cost::ZombieCosts;
use super::reclaim::subject::ReclaimCounts;
use super::shrinkers::subject::ShrinkerCounts;
use super::slab::callers::Callers;
use super::slab::subject::SlabCounts;
use super::subject::{Counted, Opening};
use crate::kernel::Subject;
use crate::sample::Loss;

/// The readers of all subjects.
pub(crate) struct Subjects {
    pub(crate) slab: SlabCounts,
    reclaim: ReclaimCounts,
    shrinkers: ShrinkerCounts,
    locks: LockCounts,
    zombie_cost: Option<ZombieCosts>,
    pub(crate) callers: Option<Callers>,
}

impl Subjects {
    /// Opens the subjects whose hooks are attached.
    pub(crate) fn open(ebpf: &mut Ebpf, opening: &mut Opening<'_>, mut slab: SlabCounts) -> Self {
        slab.keep_if(opening.has_all(Subject::Slab));
        Self {
            slab,
            reclaim: ReclaimCounts::open(ebpf, opening),
            shrinkers: ShrinkerCounts::open(ebpf, opening),
            locks: LockCounts::open(ebpf, opening),
            zombie_cost: ZombieCosts::open_if(ebpf, opening),
            callers: Callers::open_if(ebpf, opening),
        }
    }

    /// All subjects in the order in which they are read: shrinkers that run are part of reclaim.
    pub(crate) fn all(&mut self) -> [&mut dyn Counted; 6] {
        [
            &mut self.slab,
            &mut self.reclaim,
            &mut self.shrinkers,
            &mut self.locks,
            &mut self.zombie_cost,
            &mut self.callers,
        ]
    }

    /// The number of spans that ended without an event; `None` where there are no spans.
    pub(crate) fn unseen_ends(&mut self) -> Option<Loss> {
        let all = self.all();
        let counts = all.iter().filter_map(|subject| subject.unseen_ends());
        let lost_total = counts.reduce(|sum, more| sum + more)?;
        Some(Loss {
            place: "unseen_ends".to_owned(),
            lost_total: Some(lost_total),
        })
    }

    /// Whether a subject has a reader.
    pub(crate) fn is_open(&self, subject: Subject) -> bool {
        match subject {
            Subject::Slab => self.slab.is_open(),
            Subject::Reclaim => self.reclaim.is_open(),
            Subject::Shrinker => self.shrinkers.is_open(),
            Subject::Lock => self.locks.is_open(),
            Subject::ZombieCost => self.zombie_cost.is_some(),
            Subject::Callers => self.callers.is_some(),
            Subject::Memcg | Subject::MemcgEvents | Subject::Acquisition => false,
        }
    }

    /// Notes the subjects that are absent since their hooks failed. A subject with a reader only
    /// has fewer figures after a failure, and figures of the walk need no hook.
    pub(crate) fn note_failures(&self, opening: &mut Opening<'_>) {
        let failures = opening.outcomes.iter().filter_map(|outcome| {
            let why = outcome.failure()?;
            let hook = outcome.hook;
            Some((
                hook.subject,
                format!("{}: {} ({why})", hook.name, hook.without_it),
            ))
        });
        for (subject, reason) in failures.collect::<Vec<_>>() {
            log::info!("{reason}");
            if subject != Subject::MemcgEvents && !self.is_open(subject) {
                opening.note(subject, reason);
            }
        }
    }
}
