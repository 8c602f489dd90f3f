//! Rules: which waits are judged.

use crate::sample::waits::{TaskScan, Wait, Waits};

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
    pub(super) fn is_old(&self, waits: &Waits, wait: &Wait) -> bool {
        let age_ns = self.age_ns(waits, wait);
        age_ns.is_none_or(|age_ns| age_ns >= self.min_wait_ns)
    }
}

/// Start of a wait: as an event recorded it, else when its task last got a CPU, shortly before.
pub(super) fn began_ns(look: &TaskScan, wait: &Wait) -> Option<u64> {
    let ran_ns = || look.tasks.get(wait.task as usize)?.ran_ns;
    wait.since_ns.or_else(ran_ns)
}
