//! What would free a zombie.

use crate::sample::Text;
use crate::sample::pins::PinKind;

/// What a person can do. The program itself changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Write an amount to the `memory.reclaim` that is named.
    Reclaim,
    /// Remove a file.
    RemoveFile,
    /// Have the owner of another mount or IPC namespace remove a file or a segment of it.
    AskOwner,
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
    /// Unmount what is mounted at a path.
    Unmount,
    /// Detach a loop device from its file.
    DetachLoop,
    /// Switch swap off, and on again; with a target that device or file alone.
    Swapoff,
    /// Write dirty pages of a device.
    Sync,
    /// Look who pins another zombie.
    LookAtChild,
    /// It goes by itself.
    Wait,
    /// Nothing that is sensible can be done.
    Nothing,
}

/// What an action costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nobody notices but by the time that it takes.
    Harmless,
    /// Somebody's work is interrupted.
    Disrupts,
    /// Data is gone afterwards.
    DestroysData,
}

impl Action {
    /// As it is written in records, and what it costs.
    const fn row(self) -> (&'static str, Class) {
        use Class::{DestroysData, Disrupts, Harmless};
        match self {
            Self::Reclaim => ("reclaim", Harmless),
            Self::DropFilePages => ("drop_file_pages", Harmless),
            Self::Sync => ("sync", Harmless),
            Self::LookAtChild => ("look_at_child", Harmless),
            Self::Wait => ("wait", Harmless),
            Self::Nothing => ("nothing", Harmless),
            Self::CloseFd => ("close_fd", Disrupts),
            Self::RestartProcess => ("restart_process", Disrupts),
            Self::EndProcess => ("end_process", Disrupts),
            Self::Reap => ("reap", Disrupts),
            Self::Unmount => ("unmount", Disrupts),
            Self::DetachLoop => ("detach_loop", Disrupts),
            Self::Swapoff => ("swapoff", Disrupts),
            Self::AskOwner => ("ask_owner", DestroysData),
            Self::RemoveSegment => ("remove_segment", DestroysData),
            Self::RemoveFile => ("remove_file", DestroysData),
        }
    }

    /// As it is written in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// What it costs.
    #[must_use]
    pub fn class(self) -> Class {
        self.row().1
    }
}

impl Class {
    /// As it is written in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Disrupts => "disrupts",
            Self::DestroysData => "destroys_data",
        }
    }

    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Disrupts => "disrupts",
            Self::DestroysData => "destroys data",
        }
    }
}

/// One step of what would free a zombie, or bring that nearer. What several steps free, they free
/// together; they follow each other in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What to do.
    pub action: Action,
    /// To what: a path, a process, an id.
    pub target: Option<Text>,
    /// Bytes to ask for, of reclaim.
    pub amount_bytes: Option<u64>,
    /// What for, in one line, fit for a terminal.
    pub why: String,
    /// What all steps together cost.
    pub class: Class,
    /// Which step it is, from 1.
    pub step: usize,
    /// Steps that belong together.
    pub steps: usize,
    /// What all steps together free.
    pub frees: Frees,
    /// What of the ledger it is about.
    pub cause: Cause,
}

/// What is free afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frees {
    /// References.
    pub refs: u64,
    /// References that the zombie has; `None` while they are not exact.
    pub of_refs: Option<u64>,
    /// Memory, where it is pages.
    pub bytes: Option<u64>,
    /// It may be less: others share what is freed, or not all who hold it were found.
    pub at_most: bool,
}

/// A row of the ledger, or one object of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Kind of the row.
    pub kind: PinKind,
    /// What holds the references, fit for a terminal; `None` where it is more than one object.
    pub object: Option<String>,
}
