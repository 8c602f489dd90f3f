//! What each subject does, so that a session is a loop over them.

use super::memcgs::Memcgs;
use crate::kernel::Subject;
use crate::kernel::debugger::kernel::Kernel;
use crate::kernel::hooks::Family;
use crate::kernel::hooks::select::Outcome;
use crate::kernel::layout::Resolved;
use crate::kernel::waits::Traced;
use crate::sample::{Absent, Sample};

/// A subject that programs count.
///
/// To add one: a folder here with a type that implements this, its hooks in the table of hooks,
/// and a line in [`super::Subjects`].
pub(crate) trait Counted {
    /// Reads what was counted into the sample.
    fn sample(&mut self, round: &mut Round<'_>, sample: &mut Sample) -> anyhow::Result<()>;

    /// Adds what needs the walk of memcgs of this very sample.
    fn complete(&mut self, _: &mut Round<'_>, _: &mut Sample) -> anyhow::Result<()> {
        Ok(())
    }

    /// Takes events out of the kernel's buffers, so that these do not fill up between two samples.
    fn keep_up(&mut self) {}

    /// Adds what events tell of who waits and who holds.
    fn add_to(&self, _: &mut Traced) -> anyhow::Result<()> {
        Ok(())
    }

    /// How many spans are over though nobody saw them end; `None` where none are looked for.
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
    /// Memcgs as the last walk found them.
    pub(crate) memcgs: Option<&'a Memcgs>,
}

/// What subjects are opened with.
pub(crate) struct Opening<'a> {
    pub(crate) resolved: &'a Resolved,
    /// What became of each hook; none yet before they are attached.
    pub(crate) outcomes: Vec<Outcome>,
    /// When all hooks were on, by CLOCK_MONOTONIC.
    pub(crate) trusted_ns: u64,
    /// What cannot be observed, and why.
    pub(crate) absent: Vec<Absent>,
}

impl Opening<'_> {
    /// Opens one reader of a subject if it is wanted, and notes why it cannot be.
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

    /// Notes why a subject cannot be observed. The first reason stands.
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

    /// How a hook was attached.
    pub(crate) fn family(&self, hook: &str) -> Option<Family> {
        let mut outcomes = self.outcomes.iter();
        let outcome = outcomes.find(|one| one.hook.fact == hook)?;
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
