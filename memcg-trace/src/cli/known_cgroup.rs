//! Check that a snapshot has the cgroup of `--cgroup`.

use anyhow::bail;

use crate::model::select;
use crate::model::snapshot::Snapshot;
use crate::sample::{Text, sanitized};

/// An unknown memcg is an error, not an empty answer.
pub(super) fn ensure_known(cgroup: &Text, snapshot: &Snapshot) -> anyhow::Result<()> {
    let section = &snapshot.memcgs;
    if !section.is_known() {
        // A list that was not read yet is no error; a list that cannot be read is one.
        if snapshot.frame == 0 && section.reason.as_deref() == Some("not read yet") {
            return Ok(());
        }
        let reason = section.reason.as_deref().unwrap_or("not known why");
        bail!(
            "cannot look for cgroup {}: no list of cgroups here: {}",
            cgroup.display(),
            sanitized(reason)
        );
    }
    let Err(near) = select::find(snapshot, cgroup) else {
        return Ok(());
    };
    let near: Vec<_> = near.iter().map(Text::display).collect();
    if near.is_empty() {
        bail!(
            "no cgroup {}: name it as below /sys/fs/cgroup",
            cgroup.display()
        );
    }
    bail!(
        "no cgroup {}: did you mean {}?",
        cgroup.display(),
        near.join(" or ")
    );
}
