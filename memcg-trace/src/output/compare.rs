//! Two runs side by side, for people.

use std::fmt::Write as _;

use super::figures::{Shown as _, Unit};
use super::records::{ComparedMemcg, Reduction};
use super::table::{Style, Table, figure};
use crate::model::compare::{Change, Compared, Peaks};
use crate::units;

/// One line for each thing that the two runs leave open.
#[must_use]
pub fn gaps(runs: [(&str, &Peaks, u64); 2]) -> Vec<String> {
    let mut gaps = Vec::new();
    for (name, peaks, missing) in runs {
        if !peaks.has_kmem() {
            gaps.push(format!(
                "{name} has no kmem (a kernel before 5.18, or an older recording): slab stands in \
                 for it"
            ));
        }
        if missing > 0 {
            let missing = units::things(missing, "record");
            gaps.push(format!("{name} lacks {missing} by their numbers"));
        }
    }
    gaps
}

#[must_use]
pub fn render(
    host_slab: &Change,
    memcgs: &[&Compared],
    left_out: usize,
    gaps: &[String],
    style: Style,
) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "slab of the host, peak: {}, then {}: reduced by {}",
        units::bytes(host_slab.a),
        units::bytes(host_slab.b),
        Reduction::of(host_slab).show(Unit::Number),
    );
    for gap in gaps {
        let _ = writeln!(text, "{gap}");
    }
    let columns = [
        "path",
        "memory_a_bytes",
        "memory_b_bytes",
        "memory_reduction",
        "kmem_a_bytes",
        "kmem_b_bytes",
        "kmem_reduction",
        "slab_a_bytes",
        "slab_b_bytes",
        "slab_reduction",
    ]
    .map(figure);
    let rows: Vec<_> = (memcgs.iter().copied()).map(ComparedMemcg::from).collect();
    Table::of(&columns, &rows, left_out).write(&mut text, style);
    text
}
