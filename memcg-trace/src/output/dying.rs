//! Dead cgroups whose memory cgroup is gone, for people.

use super::records::DyingCgroup;
use super::table::{Table, figure, titled};
use crate::model::snapshot::{Dying, Snapshot};
use crate::sample::sanitized;
use crate::units;

/// The note beside the number of zombies; `None` if there are no such cgroups.
#[must_use]
pub(crate) fn count(dying: &Dying) -> Option<String> {
    let counted = |count: u64, one: &str, many: &str| {
        let noun = if count == 1 { one } else { many };
        (count > 0).then(|| format!("{} {noun}", units::count(Some(count))))
    };
    let without = counted(
        dying.counts.without_memcg,
        "dead cgroup without a memcg",
        "dead cgroups without a memcg",
    );
    let not_found = counted(
        dying.unexplained(),
        "dead cgroup that was not found",
        "dead cgroups that were not found",
    );
    let parts: Vec<String> = without.into_iter().chain(not_found).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The parts of the kernel's own count, in one line; `None` if it counts only zombies.
#[must_use]
pub(super) fn explanation(snapshot: &Snapshot) -> Option<String> {
    let dying = snapshot.dying.as_deref()?;
    count(dying)?;
    let counts = &dying.counts;
    let mut text = format!(
        "nr_dying_descendants {}: {} of zombies, {} whose memcg is gone",
        counts.nr_dying, counts.with_zombie, counts.without_memcg,
    );
    let not_found = dying.unexplained();
    if not_found > 0 {
        text += &format!(", {not_found} not found");
    }
    if let Some(cgroups) = counts.nr_cgroups {
        text += &format!("; /proc/cgroups {cgroups}");
    }
    if let Some(why) = &counts.not_checked {
        text += &format!("; {}", sanitized(why));
    }
    Some(text)
}

/// The listed cgroups, with what keeps them if that was asked.
#[must_use]
pub(super) fn table(snapshot: &Snapshot, top: Option<usize>) -> Table {
    let columns = [
        titled("DEAD CGROUP, MEMCG GONE", "path"),
        figure("refs"),
        figure("kept_by"),
    ];
    let dying = snapshot.dying.as_deref();
    let cgroups = dying.map_or(&[][..], |dying| &dying.cgroups);
    let shown = top.unwrap_or(usize::MAX).min(cgroups.len());
    let rows = cgroups.iter().take(shown);
    let rows: Vec<_> = rows.map(|dead| DyingCgroup::of(snapshot, dead)).collect();
    let unlisted = dying.map_or(0, |dying| dying.unlisted);
    let unlisted = usize::try_from(unlisted).unwrap_or(0);
    Table::of(&columns, &rows, cgroups.len() - shown + unlisted)
}
