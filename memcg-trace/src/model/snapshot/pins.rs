//! Pins of a zombie: the ledger of its references.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Advice, MemcgId, Phase};
use crate::sample::pins::{self as facts, Pin, Pinned};

/// The ledger of one zombie: `refs` of [`Pinned`] is the sum over its pins and
/// `unexplained_refs`.
#[derive(Clone, Debug)]
pub struct Pins {
    /// The zombie.
    pub zombie: Arc<MemcgId>,
    /// Whether it is a cgroup whose memory cgroup is gone: the references are to the cgroup itself.
    pub is_cgroup: bool,
    /// Its phase at the time of the scan; `None` if that is not known.
    pub phase: Option<Phase>,
    /// The pins that were found, the kind with the most references first.
    pub found: Arc<Pinned>,
    /// References that no pin explains. Negative if more were found than it has, and `None` where
    /// its references are not known.
    pub unexplained_refs: Option<i64>,
    /// The memcgs that `found` names, by serial number.
    pub memcgs: BTreeMap<u64, Arc<MemcgId>>,
    /// The memcg whose `memory.reclaim` reaches it.
    pub live_ancestor: Option<Arc<MemcgId>>,
    /// The answer that it was in, without its zombies: the times and bounds of the scan.
    pub look: Arc<facts::Pins>,
    /// The verdict in one line, fit for a terminal.
    pub sentence: String,
    /// Steps that would free it.
    pub advice: Vec<Advice>,
}

impl Pins {
    /// Returns a memcg that `found` names.
    #[must_use]
    pub fn memcg(&self, serial_nr: Option<u64>) -> Option<&MemcgId> {
        self.memcgs.get(&serial_nr?).map(|id| &**id)
    }

    /// Returns the references that were found, of all kinds.
    #[must_use]
    pub fn found_refs(&self) -> u64 {
        sum(&self.found.pins)
    }
}

/// Returns the references of some kinds.
pub(in crate::model) fn sum(pins: &[Pin]) -> u64 {
    let refs = pins.iter().map(|pin| pin.refs);
    refs.fold(0, u64::saturating_add)
}
