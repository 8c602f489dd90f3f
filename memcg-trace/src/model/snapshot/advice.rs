//! Advice for freeing a zombie.

use strum::{IntoStaticStr, VariantNames};

use crate::sample::Text;
use crate::sample::pins::PinKind;

/// An action for a person. The program itself changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Action {
    /// Write an amount to the target's `memory.reclaim`.
    Reclaim,
    /// Remove a file.
    RemoveFile,
    /// Have the owner of another mount or IPC namespace remove a file or a segment of it.
    AskOwner,
    /// Drop the pages of a file from memory; the file stays.
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
    /// Remove a block device that is made of another one.
    RemoveDevice,
    /// Switch swap off, and on again; with a target only on that device or file.
    Swapoff,
    /// Write dirty pages of a device.
    Sync,
    /// Query the pins of another zombie.
    LookAtChild,
    /// Wait: the zombie or the holder goes by itself.
    Wait,
    /// Nothing sensible can be done.
    Nothing,
}

/// The cost of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Class {
    /// It takes time, and nothing else.
    Harmless,
    /// It interrupts somebody's work.
    Disrupts,
    /// It destroys data.
    DestroysData,
}

impl Action {
    /// Returns the name in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the cost.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::Reclaim
            | Self::DropFilePages
            | Self::Sync
            | Self::LookAtChild
            | Self::Wait
            | Self::Nothing => Class::Harmless,
            Self::CloseFd
            | Self::RestartProcess
            | Self::EndProcess
            | Self::Reap
            | Self::Unmount
            | Self::DetachLoop
            | Self::RemoveDevice
            | Self::Swapoff => Class::Disrupts,
            Self::AskOwner | Self::RemoveSegment | Self::RemoveFile => Class::DestroysData,
        }
    }
}

impl Class {
    /// Returns the name in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the words for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Disrupts => "disrupts",
            Self::DestroysData => "destroys data",
        }
    }
}

/// One step towards freeing a zombie. Steps that belong together follow each other in the list, and
/// free only together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The action.
    pub action: Action,
    /// The target of the action: a path, a process, an id.
    pub target: Option<Text>,
    /// The amount to reclaim.
    pub amount_bytes: Option<u64>,
    /// The reason in one line, fit for a terminal.
    pub why: String,
    /// The cost of all steps together.
    pub class: Class,
    /// The number of the step, from 1.
    pub step: usize,
    /// The number of steps that belong together.
    pub steps: usize,
    /// The effect of all steps together.
    pub frees: Frees,
    /// The part of the ledger that it is about.
    pub cause: Cause,
}

/// References and memory that steps free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frees {
    /// References.
    pub refs: u64,
    /// References that the zombie has; `None` while they are not exact.
    pub of_refs: Option<u64>,
    /// Memory, where the references are of pages.
    pub bytes: Option<u64>,
    /// Whether it may be less: others share the freed memory, or not all holders were found.
    pub at_most: bool,
}

/// A row of the ledger, or one object of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Kind of the row.
    pub kind: PinKind,
    /// The object that holds the references, fit for a terminal; `None` where there are several.
    pub object: Option<String>,
}
