//! Who pins a zombie.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{MemcgId, Phase};
use crate::sample::Text;
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

/// What a person can do. The program itself changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Write to the `memory.reclaim` that is named.
    Reclaim,
    /// Remove a file.
    RemoveFile,
    /// Drop the pages that a file has in memory; the file stays.
    DropFilePages,
    /// Remove a SysV segment, by its id.
    RemoveSegment,
    /// Have a process close a file descriptor, or end it.
    CloseFd,
    /// Restart a process.
    RestartProcess,
    /// End a process.
    EndProcess,
    /// Have a process wait for its child, or restart it.
    Reap,
    /// Unmount a namespace.
    Unmount,
    /// Switch swap off, and on again.
    Swapoff,
    /// Write dirty pages of a device.
    Sync,
    /// Look who pins another zombie.
    LookAtChild,
    /// It goes by itself.
    Wait,
}

impl Action {
    /// As it is written in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reclaim => "reclaim",
            Self::RemoveFile => "remove_file",
            Self::DropFilePages => "drop_file_pages",
            Self::RemoveSegment => "remove_segment",
            Self::CloseFd => "close_fd",
            Self::RestartProcess => "restart_process",
            Self::EndProcess => "end_process",
            Self::Reap => "reap",
            Self::Unmount => "unmount",
            Self::Swapoff => "swapoff",
            Self::Sync => "sync",
            Self::LookAtChild => "look_at_child",
            Self::Wait => "wait",
        }
    }
}

/// Something that would free a zombie, or bring that nearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What to do.
    pub action: Action,
    /// To what: a path, a process, an id.
    pub target: Option<Text>,
    /// What for, in one line, fit for a terminal.
    pub why: String,
}
