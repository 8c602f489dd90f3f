//! The trait that each subject implements, so that a session is a loop over them.

use super::memcgs::Memcgs;
use crate::kernel::Subject;
use crate::kernel::debugger::kernel::Kernel;
use crate::kernel::hooks::Family;
use crate::kernel::hooks::select::Outcome;
use crate::kernel::layout::Resolved;
use crate::kernel::waits::Events;
use crate::sample::{Absent, Sample};

/// A subject that programs count.
///
/// To add one: a variant of [`Subject`], a folder here with a type that implements this, its hooks
/// in the table of hooks, and its lines in [`super::Subjects`].
pub(crate) trait Counted {
    /// Reads what was counted into the sample.
    fn sample(&mut self, round: &mut Round<'_>, sample: &mut Sample) -> anyhow::Result<()>;

    /// Adds figures that need the walk of memcgs of this very sample.
    fn complete(&mut self, _: &mut Round<'_>, _: &mut Sample) -> anyhow::Result<()> {
        Ok(())
    }

    /// Takes events out of the kernel's buffers, so that these do not fill up between two samples.
    fn keep_up(&mut self) {}

    /// Adds waiters and holders that events tell of.
    fn add_to(&self, _: &mut Events) -> anyhow::Result<()> {
        Ok(())
    }

    /// The number of spans that ended without an event; `None` for a subject without spans.
    fn unseen_ends(&self) -> Option<u64> {
        None
    }
}

impl<T: Counted> Counted for Option<T> {
    fn sample(&mut self, round: &mut Round<'_>, sample: &mut Sample) -> anyhow::Result<()> {
        self.as_mut()
            .map_or(Ok(()), |one| one.sample(round, sample))
    }
}

/// What subjects share while a sample is made.
pub(crate) struct Round<'a> {
    pub(crate) kernel: &'a mut Kernel,
    /// Memcgs of the last walk.
    pub(crate) memcgs: Option<&'a Memcgs>,
}

/// The context in which subjects are opened.
pub(crate) struct Opening<'a> {
    pub(crate) resolved: &'a Resolved,
    /// The outcome of each hook; empty before hooks are attached.
    pub(crate) outcomes: Vec<Outcome>,
    /// The time when all hooks were attached, by CLOCK_MONOTONIC.
    pub(crate) trusted_ns: u64,
    /// The subjects that cannot be observed, and why.
    pub(crate) absent: Vec<Absent>,
}

impl Opening<'_> {
    /// Opens one reader of a subject if it is wanted, and notes the reason if that fails.
    pub(crate) fn open<T>(
        &mut self,
        subject: Subject,
        is_wanted: bool,
        open: impl FnOnce() -> anyhow::Result<T>,
    ) -> Option<T> {
        if !is_wanted {
            return None;
        }
        let note = |error| self.note(subject, format!("{error:#}"));
        open().map_err(note).ok()
    }

    /// Notes why a subject cannot be observed. The first reason is kept.
    pub(crate) fn note(&mut self, subject: Subject, reason: String) {
        if self.absent.iter().all(|one| one.section != subject.name()) {
            self.absent.push(Absent {
                section: subject.name().to_owned(),
                reason,
            });
        }
    }

    pub(crate) fn is_attached(&self, hook: &str) -> bool {
        self.family(hook).is_some()
    }

    /// The family by which a hook was attached.
    pub(crate) fn family(&self, hook: &str) -> Option<Family> {
        let mut outcomes = self.outcomes.iter();
        let outcome = outcomes.find(|one| one.hook.name == hook)?;
        Some(outcome.chosen?.family)
    }

    /// Whether no hook of a subject failed.
    pub(crate) fn has_all(&self, subject: Subject) -> bool {
        let mut own = self
            .outcomes
            .iter()
            .filter(|one| one.hook.subject == subject);
        own.all(|one| one.failure().is_none())
    }
}
