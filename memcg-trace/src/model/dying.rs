//! Dead cgroups whose memory cgroup is gone: what `nr_dying_descendants` counts beside zombies.

use std::sync::Arc;

use super::snapshot::{DeadCgroup, Dying, MemcgId};
use super::workload::ToldNames;
use crate::sample::{self, DyingCgroups, Text};

/// Adds names to the dead cgroups of a sample.
pub(super) fn of(counts: &DyingCgroups, names: &ToldNames) -> Dying {
    let listed = counts.cgroups.len() as u64;
    Dying {
        cgroups: (counts.cgroups.iter())
            .map(|cgroup| named(cgroup, names))
            .collect(),
        unlisted: counts.without_memcg.saturating_sub(listed),
        counts: DyingCgroups {
            cgroups: Vec::new(),
            not_checked: counts.not_checked.clone(),
            ..*counts
        },
    }
}

fn named(cgroup: &sample::DyingCgroup, names: &ToldNames) -> DeadCgroup {
    let path = cgroup.path.as_bytes();
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    DeadCgroup {
        id: Arc::new(MemcgId {
            cgroup_id: cgroup.cgroup_id,
            css_id: 0,
            serial_nr: cgroup.serial_nr,
            name: Text::from(name),
            path: cgroup.path.clone(),
            told: names.of(&cgroup.path),
        }),
        refs: cgroup.refs,
    }
}
