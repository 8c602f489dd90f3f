//! What events recorded about waits and holders.

use std::collections::HashMap;

use memcg_trace_common::hold::{Dump, DumpHelper, Hold, Offline};
use memcg_trace_common::lock::Wait;

use crate::deadlock::table;
use crate::sample::waits::{Evidence, TaskScan};

/// Events, by the address of the task that they are about.
#[derive(Debug, Default)]
pub(in crate::kernel) struct Events {
    /// Waits for locks that are in progress.
    pub(in crate::kernel) waits: HashMap<u64, Wait>,
    /// Locks that were asked for and not released.
    pub(in crate::kernel) holds: Vec<Hold>,
    /// Tasks that offline memory.
    pub(in crate::kernel) offlines: HashMap<u64, Offline>,
    /// Tasks that dump core.
    pub(in crate::kernel) dumps: HashMap<u64, Dump>,
    /// Tasks that read a core.
    pub(in crate::kernel) dump_helpers: HashMap<u64, DumpHelper>,
}

impl Events {
    /// Sets the start of waits of a look that is over, from events that were read since.
    pub(in crate::kernel) fn set_late_starts(&self, look: &mut TaskScan) {
        for wait in look.waits.iter_mut().filter(|wait| wait.since_ns.is_none()) {
            let task = look.tasks.get(wait.task as usize);
            let resource = look.resources.get(wait.resource as usize);
            let Some((task, resource)) = task.zip(resource) else {
                continue;
            };
            let is_it = |begun: &&Wait| {
                let lived = task
                    .start_ns
                    .is_some_and(|start_ns| start_ns <= begun.begin_ns);
                lived && begun.lock == resource.addr && begun.begin_ns <= look.end_ns
            };
            if table::is_lock(resource.kind)
                && let Some(begun) = self.waits.get(&task.addr).filter(is_it)
            {
                wait.since_ns = Some(begun.begin_ns);
                wait.evidence = Evidence::Traced;
            }
        }
    }
}
