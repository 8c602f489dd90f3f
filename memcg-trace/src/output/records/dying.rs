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
        cgroups: Vec<Cgroup<'a>>,
        /// Number of cgroups that are not listed.
        cgroups_omitted: u64,
    }
}

record! {
    /// A dead cgroup without a memory cgroup, and what keeps it if that was asked.
    struct Cgroup<'a> {
        @part cgroup: MemcgName<'a>,
        /// References to it.
        refs: Option<i64>,
        /// What keeps it, where that was asked.
        kept_by: Option<&'a str>,
    }
}

impl<'a> Dying<'a> {
    /// The record of a snapshot; `None` if there was no scan.
    #[must_use]
    pub fn of(snapshot: &'a snapshot::Snapshot) -> Option<Self> {
        let dying = snapshot.dying.as_deref()?;
        let counts = &dying.counts;
        let cgroup = |dead: &'a DeadCgroup| Cgroup {
            cgroup: MemcgName::of(Some(&dead.id)),
            refs: dead.refs,
            kept_by: pins_of(snapshot, dead.id.serial_nr).map(|pins| pins.sentence.as_str()),
        };
        Some(Self {
            nr_dying_descendants: counts.nr_dying,
            proc_cgroups: counts.nr_cgroups,
            of_zombies: counts.with_zombie,
            without_memcg: counts.without_memcg,
            not_found: dying.unexplained(),
            not_checked: counts.not_checked.as_deref().map(sanitized),
            cgroups: dying.cgroups.iter().map(cgroup).collect(),
            cgroups_omitted: dying.unlisted,
        })
    }
}
