//! Who pins a zombie.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Advice, MemcgId, Phase};
use crate::sample::pins::{self as facts, Pin, Pinned};

/// The ledger of one zombie: `refs` of [`Pinned`] is the sum over its pins and
/// `unexplained_refs`.
#[derive(Clone, Debug)]
pub struct Pins {
    /// Which zombie.
    pub zombie: Arc<MemcgId>,
    /// It is a cgroup whose memory cgroup is gone: the references are to the cgroup itself.
    pub is_cgroup: bool,
    /// How far it had come when it was looked at; `None` if that is not known.
    pub phase: Option<Phase>,
    /// What was found, the kind with the most references first.
    pub found: Arc<Pinned>,
    /// References that nothing was found for. Less than 0 if more was found than it has, and
    /// `None` where its references are not known.
    pub unexplained_refs: Option<i64>,
    /// The memcgs that `found` speaks of, by serial number.
    pub memcgs: BTreeMap<u64, Arc<MemcgId>>,
    /// The memcg whose `memory.reclaim` reaches it.
    pub live_ancestor: Option<Arc<MemcgId>>,
    /// The answer that it was in, without its zombies: when and how it was looked at.
    pub look: Arc<facts::Pins>,
    /// All of it in one line, fit for a terminal.
    pub sentence: String,
    /// What would free it.
    pub advice: Vec<Advice>,
}

impl Pins {
    /// A memcg that `found` speaks of.
    #[must_use]
    pub fn memcg(&self, serial_nr: Option<u64>) -> Option<&MemcgId> {
        self.memcgs.get(&serial_nr?).map(|id| &**id)
    }

    /// References that were found, all kinds together.
    #[must_use]
    pub fn found_refs(&self) -> u64 {
        sum(&self.found.pins)
    }
}

/// References of some kinds.
pub(in crate::model) fn sum(pins: &[Pin]) -> u64 {
    let refs = pins.iter().map(|pin| pin.refs);
    refs.fold(0, u64::saturating_add)
}
