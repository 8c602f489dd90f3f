//! A memory cgroup over several snapshots: what it waited for is remembered when that is over.

use std::sync::Arc;

use super::answer::Why;
use super::find::{Subject, Target};
use super::removal;
use super::seen::Seen;
use crate::model::snapshot::Snapshot;

/// Returns the timeline of a memory cgroup, and remembers it.
pub fn follow(snapshot: &Snapshot, target: &Target, seen: &mut Seen) -> Why {
    let why = removal::of_memcg(snapshot, target, seen);
    seen.remember(target.id.serial_nr, &why.steps, snapshot.mono_ns);
    why
}

impl Target {
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.subject == Subject::Gone
    }

    /// Returns the same memory cgroup, as a later snapshot has it.
    #[must_use]
    pub fn later(&self, snapshot: &Snapshot) -> Self {
        let serial_nr = self.id.serial_nr;
        let mut items = snapshot.memcgs.items.iter();
        let memcg = items.find(|memcg| memcg.id.serial_nr == serial_nr);
        let is_there = |id: &crate::model::snapshot::MemcgId| id.serial_nr == serial_nr;
        let mut cgroups = snapshot.dying.iter().flat_map(|dying| &dying.cgroups);
        let subject = match memcg.map(|memcg| memcg.phase.is_some()) {
            Some(true) => Subject::Dead,
            Some(false) => Subject::Alive,
            None if cgroups.any(|cgroup| is_there(&cgroup.id)) => Subject::DeadCgroup,
            // A list that could not be read, or ended at a bound, says nothing.
            None if !snapshot.memcgs.is_known() || snapshot.memcgs.truncated_at.is_some() => {
                self.subject
            }
            None => Subject::Gone,
        };
        Self {
            id: memcg.map_or_else(|| Arc::clone(&self.id), |memcg| Arc::clone(&memcg.id)),
            subject,
            others: self.others,
        }
    }
}
