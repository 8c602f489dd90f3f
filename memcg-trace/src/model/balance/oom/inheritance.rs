//! Pages of memcgs that died: those that they left to an ancestor, where the kernel hands them over,
//! and those that they still have.

use std::collections::HashMap;

use crate::model::balance::moment::Moment;
use crate::sample::{MemcgEvent, MemcgEventKind};
use crate::units::PAGE_BYTES;

/// What the dead left to each memcg that lives, of those that were seen to die.
#[derive(Debug, Default)]
pub(in crate::model::balance) struct Inheritance {
    by_heir: HashMap<u64, Left>,
    /// Whether pages go to an ancestor at all.
    is_on: bool,
}

/// What memcgs left.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Left {
    /// How many had pages.
    pub(super) memcgs: u64,
    /// Their pages when they died.
    pub(super) bytes: u64,
}

impl Left {
    fn add(&mut self, other: Self) {
        self.memcgs = self.memcgs.saturating_add(other.memcgs);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl Inheritance {
    /// Takes in the deaths of a sample.
    pub(in crate::model::balance) fn on_sample(&mut self, moment: &Moment<'_>) {
        if let Some(walk) = &moment.sample.memcgs {
            self.is_on |= walk.reparents_lru == Some(true);
            self.by_heir
                .retain(|heir, _| moment.tree.id(*heir).is_some());
        }
        if !self.is_on {
            return;
        }
        let events = moment.sample.life.iter().flatten();
        for event in events.filter(|event| event.kind == MemcgEventKind::Offline) {
            let pages = event.lru_pages.unwrap_or(0);
            let mut left = self.by_heir.remove(&event.serial_nr).unwrap_or_default();
            left.add(Left {
                memcgs: u64::from(pages > 0),
                bytes: pages.saturating_mul(PAGE_BYTES),
            });
            if left.bytes > 0
                && let Some(heir) = heir(event, moment)
            {
                self.by_heir.entry(heir).or_default().add(left);
            }
        }
    }

    /// Returns whether pages of the dead go to an ancestor, so that they keep none.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Returns what was left to a memcg and to those below it.
    pub(super) fn left_to(&self, limit: u64, moment: &Moment<'_>) -> Left {
        let mut sum = Left::default();
        let limit = moment.tree.id(limit);
        for (heir, left) in &self.by_heir {
            let heir = moment.tree.id(*heir);
            if heir
                .zip(limit)
                .is_some_and(|(heir, limit)| heir.is_in(limit))
            {
                sum.add(*left);
            }
        }
        sum
    }
}

/// Returns the live memcg that has what a dead one left. The dead one may be forgotten by now.
fn heir(event: &MemcgEvent, moment: &Moment<'_>) -> Option<u64> {
    let tree = moment.tree;
    let of = |serial_nr| tree.live_ancestor(serial_nr).map(|heir| heir.serial_nr);
    let parent = || {
        let parent = event.parent_serial_nr?;
        let lives = tree.id(parent).is_some() && tree.phase(parent).is_none();
        if lives { Some(parent) } else { of(parent) }
    };
    of(event.serial_nr).or_else(parent)
}

/// Returns what dead memcgs below a memcg have on their own lists, by the last walk; `None` if it
/// was not read of each, as of those that died since.
pub(super) fn kept_below(limit: u64, moment: &Moment<'_>) -> Option<Left> {
    let limit = moment.tree.id(limit)?;
    let mut sum = Left::default();
    let dead = moment.memcgs.iter().filter(|memcg| memcg.phase.is_some());
    for memcg in dead.filter(|memcg| memcg.id.is_in(limit)) {
        let pages = memcg.facts.lru_pages?;
        sum.add(Left {
            memcgs: u64::from(pages > 0),
            bytes: pages.saturating_mul(PAGE_BYTES),
        });
    }
    Some(sum)
}
