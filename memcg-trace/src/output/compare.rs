//! Two runs side by side, for people and for programs.

use std::fmt::Write as _;

use super::figures::{Name, record};
use super::table::{Row, Style, Table};
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
        percent(host_slab),
    );
    for gap in gaps {
        let _ = writeln!(text, "{gap}");
    }
    let columns = &[
        ("MEMCG", false),
        ("MEMORY A", true),
        ("MEMORY B", true),
        ("REDUCED", true),
        ("KMEM A", true),
        ("KMEM B", true),
        ("REDUCED", true),
        ("SLAB A", true),
        ("SLAB B", true),
        ("REDUCED", true),
    ];
    let rows = memcgs.iter().map(|row| Row {
        cells: vec![
            row.path.display().into_owned(),
            units::bytes(row.memory.a),
            units::bytes(row.memory.b),
            percent(&row.memory),
            units::bytes(row.kmem.a),
            units::bytes(row.kmem.b),
            percent(&row.kmem),
            units::bytes(row.slab.a),
            units::bytes(row.slab.b),
            percent(&row.slab),
        ],
        is_marked: false,
    });
    let table = Table::new(columns, rows.collect(), left_out);
    table.write(&mut text, style);
    text
}

/// How much smaller the second figure is, such as `25.0 %`; negative if it is larger.
fn percent(change: &Change) -> String {
    change.reduction_percent().map_or_else(
        || units::UNKNOWN.to_owned(),
        |percent| format!("{percent:.1} %"),
    )
}

record! {
    /// A figure in two runs.
    pub struct Figures {
        /// In the first.
        a: Option<u64>,
        /// In the second.
        b: Option<u64>,
        /// How much less it was in the second.
        reduction_percent: Option<f64>,
    }
}

impl From<&Change> for Figures {
    fn from(change: &Change) -> Self {
        let percent = change.reduction_percent();
        Self {
            a: change.a,
            b: change.b,
            reduction_percent: percent.map(|percent| (percent * 10.0).round() / 10.0),
        }
    }
}

record! {
    /// A memory cgroup in two runs.
    pub struct Item<'a> {
        /// Its path.
        path: Name<'a>,
        /// The most that it used.
        memory_peak_bytes: Figures,
        /// The most memory of the kernel.
        kmem_peak_bytes: Figures,
        /// The most slab.
        slab_peak_bytes: Figures,
    }
}

impl<'a> From<&'a Compared> for Item<'a> {
    fn from(row: &'a Compared) -> Self {
        Self {
            path: Name::of(Some(&row.path)),
            memory_peak_bytes: Figures::from(&row.memory),
            kmem_peak_bytes: Figures::from(&row.kmem),
            slab_peak_bytes: Figures::from(&row.slab),
        }
    }
}
