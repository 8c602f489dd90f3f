//! A wait that was found, before it is in a look.

use crate::sample::waits::{Evidence, Holder, Resource, Wait};
use crate::sample::{Mode, ResourceKind};

/// A wait. Until the wait is in a look, tasks are indices of threads.
pub(super) struct Finding {
    pub(super) thread: usize,
    pub(super) resource: Resource,
    pub(super) wait: Wait,
    /// Healthy hosts are full of such waits: this one matters only if another task waits for the
    /// thread.
    pub(super) is_common: bool,
}

impl Finding {
    pub(super) fn new(thread: usize, resource: Resource, mode: Mode, evidence: Evidence) -> Self {
        let wait = Wait {
            mode,
            evidence,
            ..Wait::default()
        };
        let is_common = match resource.kind {
            ResourceKind::ChildExit
            | ResourceKind::Freezer
            | ResourceKind::Futex
            | ResourceKind::Reap => true,
            ResourceKind::Pipe => mode == Mode::Read,
            _ => false,
        };
        Self {
            thread,
            resource,
            wait,
            is_common,
        }
    }
}

/// A holder: the thread with index `at`.
pub(super) fn holder(at: usize, mode: Mode, evidence: Evidence) -> Holder {
    Holder {
        task: u32::try_from(at).unwrap_or(u32::MAX),
        mode,
        evidence,
        fd: None,
    }
}
