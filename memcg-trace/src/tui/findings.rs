//! The tab of findings: what a person should look at, and what is over.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::Column;
use crate::model::snapshot::{Finding, Severity, Snapshot};
use crate::output::names;
use crate::units;

/// A finding, and for how long it goes on, or went on.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) finding: Finding,
    lasts_ns: u64,
}

impl Row {
    /// The worst of those that go on, and the latest of those.
    fn weight(&self) -> (bool, Severity, u64) {
        let finding = &self.finding;
        (!finding.resolved, finding.severity, finding.first_ns)
    }
}

/// By default sorted by [`DEFAULT_SORT`].
pub(super) const COLUMNS: &[Column<Row>] = &[
    Column {
        title: "FINDING",
        width: 0,
        is_figure: false,
        rank: 0,
        cell: |row| row.finding.sentence.clone(),
        compare: |a, b| a.finding.sentence.cmp(&b.finding.sentence),
    },
    Column {
        title: "SEVERITY",
        width: 9,
        is_figure: true,
        rank: 1,
        cell: |row| severity(&row.finding).to_owned(),
        compare: |a, b| a.weight().cmp(&b.weight()),
    },
    Column {
        title: "LASTS",
        width: 7,
        is_figure: true,
        rank: 2,
        cell: |row| units::duration(Some(row.lasts_ns)),
        compare: |a, b| a.lasts_ns.cmp(&b.lasts_ns),
    },
    Column {
        title: "KIND",
        width: 21,
        is_figure: false,
        rank: 3,
        cell: |row| row.finding.kind.as_str().to_owned(),
        compare: |a, b| a.finding.kind.as_str().cmp(b.finding.kind.as_str()),
    },
    Column {
        title: "MEMCG",
        width: 30,
        is_figure: false,
        rank: 4,
        cell: |row| memcg(&row.finding),
        compare: |a, b| memcg(&a.finding).cmp(&memcg(&b.finding)),
    },
];

/// `SEVERITY`.
pub(super) const DEFAULT_SORT: usize = 1;

fn severity(finding: &Finding) -> &'static str {
    match finding.resolved {
        true => "over",
        false => finding.severity.as_str(),
    }
}

fn memcg(finding: &Finding) -> String {
    match &finding.memcg {
        Some(memcg) => names::path(Some(memcg)),
        None => units::UNKNOWN.to_owned(),
    }
}

/// The rows of a snapshot.
pub(super) fn rows(snapshot: &Snapshot) -> Vec<Row> {
    let row = |finding: &Finding| {
        let until_ns = match finding.resolved {
            true => finding.last_ns,
            false => snapshot.mono_ns,
        };
        Row {
            finding: finding.clone(),
            lasts_ns: until_ns.saturating_sub(finding.first_ns),
        }
    };
    snapshot.findings.items.iter().map(row).collect()
}

/// Whether a row has a text in it; `filter` is lower case.
pub(super) fn matches(row: &Row, filter: &str) -> bool {
    let finding = &row.finding;
    finding.sentence.to_lowercase().contains(filter)
        || finding.kind.as_str().contains(filter)
        || severity(finding).contains(filter)
        || memcg(finding).to_lowercase().contains(filter)
}

/// Identity of a row, for the selection.
pub(super) fn identity(row: &Row) -> u64 {
    let mut hasher = DefaultHasher::new();
    (row.finding.kind, row.finding.number).hash(&mut hasher);
    hasher.finish()
}
