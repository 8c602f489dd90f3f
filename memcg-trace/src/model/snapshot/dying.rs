//! Dead cgroups whose memory cgroup is gone.

use std::sync::Arc;

use super::MemcgId;
use crate::sample::DyingCgroups;

/// The dead cgroups that `nr_dying_descendants` counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dying {
    /// The counts, without the list.
    pub counts: DyingCgroups,
    /// The cgroups themselves; not all, where a bound ended the list.
    pub cgroups: Vec<DeadCgroup>,
    /// The number of cgroups that are not in the list.
    pub unlisted: u64,
}

/// A dead cgroup whose memory cgroup is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadCgroup {
    /// Its id. The `css_id` is unset, for no css of the memory controller is left.
    pub id: Arc<MemcgId>,
    /// References to it, where they are exact.
    pub refs: Option<i64>,
}

impl Dying {
    /// Returns the id of one of them.
    #[must_use]
    pub fn id(&self, serial_nr: u64) -> Option<&Arc<MemcgId>> {
        let mut ids = self.cgroups.iter().map(|cgroup| &cgroup.id);
        ids.find(|id| id.serial_nr == serial_nr)
    }

    /// Returns the number of dead cgroups that the kernel counts and that were not found.
    #[must_use]
    pub fn unexplained(&self) -> u64 {
        let counts = &self.counts;
        let found = counts.with_zombie.saturating_add(counts.without_memcg);
        counts.nr_dying.saturating_sub(found)
    }
}
