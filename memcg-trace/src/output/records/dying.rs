//! Records of dead cgroups whose memory cgroup is gone.

use std::borrow::Cow;

use serde::Serialize;

use super::MemcgName;
use crate::model::snapshot::{self, DeadCgroup};
use crate::model::zombies::pins_of;
use crate::sample::tame;

/// What the kernel's own count of dead cgroups is made of.
#[derive(Debug, Serialize)]
pub struct Dying<'a> {
    nr_dying_descendants: u64,
    proc_cgroups: Option<u64>,
    of_zombies: u64,
    without_memcg: u64,
    not_found: u64,
    not_checked: Option<Cow<'a, str>>,
    cgroups: Vec<Cgroup<'a>>,
    cgroups_omitted: u64,
}

/// One of them, and what keeps it where that was asked.
#[derive(Debug, Serialize)]
struct Cgroup<'a> {
    #[serde(flatten)]
    cgroup: MemcgName<'a>,
    refs: Option<i64>,
    kept_by: Option<&'a str>,
}

impl<'a> Dying<'a> {
    /// Of a snapshot; `None` where nobody looked.
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
            not_checked: counts.not_checked.as_deref().map(tame),
            cgroups: dying.cgroups.iter().map(cgroup).collect(),
            cgroups_omitted: dying.unlisted,
        })
    }
}
