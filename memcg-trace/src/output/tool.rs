//! Losses and costs of this program, in sentences.

use std::fmt::Write as _;

use super::summary;
use crate::model::snapshot::Snapshot;
use crate::sample::sanitized;
use crate::units;

/// Losses by place, and the CPU time of the last walks.
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    let mut text = format!(
        "{} (events that could not be counted)\n",
        summary::lost(snapshot)
    );
    for loss in snapshot.losses.iter() {
        let lost = units::count(loss.lost_total);
        let _ = writeln!(text, "    {lost:>7}  {}", sanitized(&loss.place));
    }
    text += "\nCPU time of the last walks\n";
    let walks = [
        ("memcgs", snapshot.memcgs.took_ns),
        ("all slabs", snapshot.slab_caches.took_ns),
        ("all tasks", snapshot.waits.took_ns),
    ];
    for (what, took_ns) in walks {
        let took = units::duration(took_ns);
        let _ = writeln!(text, "    {took:>9}  {what}");
    }
    text += "\nThe cost of probes is not measured while they run; it is in docs/cost.md.\n";
    text
}
