//! Questions that are asked again and again, within a budget of time.

use tokio::time::Instant;

use super::messages::Messages;
use crate::model::is_zombie;
use crate::sample::Sample;
use crate::sample::ask::Ask;
use crate::source::Source;

/// Inverse of the part of the time that each question may take.
const ASK_BUDGET: u32 = 100;

/// A periodic question, asked as often as the budget allows. Pins are only asked for while there
/// are zombies.
pub(super) struct Periodic {
    ask: Ask,
    has_zombies: bool,
    /// When to ask next; `None` for a recording, which cannot be asked.
    due: Option<Instant>,
}

impl Periodic {
    pub(super) fn new(ask: Ask) -> Self {
        Self {
            ask,
            has_zombies: false,
            due: Some(Instant::now()),
        }
    }

    /// The answer that follows a sample, if it is due.
    pub(super) fn after(
        &mut self,
        sample: &Sample,
        source: &mut Source,
        messages: Messages,
    ) -> Option<Sample> {
        if let Some(walk) = &sample.memcgs {
            self.has_zombies = walk.rows.iter().any(is_zombie);
        }
        let is_idle = matches!(self.ask, Ask::Pins(_)) && !self.has_zombies;
        if is_idle || self.due? > Instant::now() {
            return None;
        }
        self.due = None;
        let begin = Instant::now();
        let answer = source.ask(&self.ask);
        let answer = answer
            .inspect_err(|error| messages.warn(&format!("{error:#}; it is not asked again")))
            .ok()??;
        self.due = Some(Instant::now() + begin.elapsed() * (ASK_BUDGET - 1));
        Some(answer)
    }
}
