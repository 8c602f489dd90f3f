//! Records of dead cgroups whose memory cgroup is gone.

use std::borrow::Cow;

use super::MemcgName;
use crate::model::snapshot::{self, DeadCgroup};
use crate::model::zombies::pins_of;
use crate::output::figures::record;
use crate::sample::sanitized;

record! {
    /// The parts of the kernel's own count of dead cgroups.
    pub struct Dying<'a> {
        /// Dead cgroups by the kernel's own count.
        nr_dying_descendants: u64,
        /// Memory cgroups by /proc/cgroups.
        proc_cgroups: Option<u64>,
        /// Of them, those with a dead memory cgroup.
        of_zombies: u64,
        /// Of them, those whose memory cgroup is gone.
        without_memcg: u64,
        /// Of them, those that were not found.
        not_found: u64,
        /// Why some could not be looked at.
        not_checked: Option<Cow<'a, str>>,
        /// Those whose memory cgroup is gone.
        cgroups: Vec<DyingCgroup<'a>>,
        /// Number of cgroups that are not listed.
        cgroups_omitted: u64,
    }
}

record! {
    /// A dead cgroup without a memory cgroup, and what keeps it if that was asked.
    pub(in crate::output) struct DyingCgroup<'a> {
        @part cgroup: MemcgName<'a>,
        /// References to it.
        refs: Option<i64> => "REFS",
        /// What keeps it, where that was asked.
        kept_by: Option<&'a str> => "KEPT BY",
    }
}

impl<'a> DyingCgroup<'a> {
    pub(in crate::output) fn of(snapshot: &'a snapshot::Snapshot, dead: &'a DeadCgroup) -> Self {
        Self {
            cgroup: MemcgName::of(Some(&dead.id)),
            refs: dead.refs,
            kept_by: pins_of(snapshot, dead.id.serial_nr).map(|pins| pins.sentence.as_str()),
        }
    }
}

impl<'a> Dying<'a> {
    /// The record of a snapshot; `None` if there was no scan.
    #[must_use]
    pub fn of(snapshot: &'a snapshot::Snapshot) -> Option<Self> {
        let dying = snapshot.dying.as_deref()?;
        let counts = &dying.counts;
        Some(Self {
            nr_dying_descendants: counts.nr_dying,
            proc_cgroups: counts.nr_cgroups,
            of_zombies: counts.with_zombie,
            without_memcg: counts.without_memcg,
            not_found: dying.unexplained(),
            not_checked: counts.not_checked.as_deref().map(sanitized),
            cgroups: (dying.cgroups.iter())
                .map(|dead| DyingCgroup::of(snapshot, dead))
                .collect(),
            cgroups_omitted: dying.unlisted,
        })
    }
}
