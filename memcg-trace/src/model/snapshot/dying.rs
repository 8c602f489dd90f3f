//! Dead cgroups whose memory cgroup is gone.

use std::sync::Arc;

use super::MemcgId;
use crate::sample::DyingCgroups;

/// What explains `nr_dying_descendants`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dying {
    /// What was counted, without the list.
    pub counts: DyingCgroups,
    /// Which they are; not all, where a bound ended the list.
    pub cgroups: Vec<DeadCgroup>,
    /// How many are not in the list.
    pub unlisted: u64,
}

/// A dead cgroup whose memory cgroup is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadCgroup {
    /// Which. It has no `css_id`, for no css of the memory controller is left.
    pub id: Arc<MemcgId>,
    /// References to it, where they are exact.
    pub refs: Option<i64>,
}

impl Dying {
    /// One of them.
    #[must_use]
    pub fn id(&self, serial_nr: u64) -> Option<&Arc<MemcgId>> {
        let mut ids = self.cgroups.iter().map(|cgroup| &cgroup.id);
        ids.find(|id| id.serial_nr == serial_nr)
    }

    /// Dead cgroups that the kernel counts and nothing was found of.
    #[must_use]
    pub fn unexplained(&self) -> u64 {
        let counts = &self.counts;
        let found = counts.with_zombie.saturating_add(counts.without_memcg);
        counts.nr_dying.saturating_sub(found)
    }
}
