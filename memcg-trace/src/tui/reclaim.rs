//! The tab of reclaim.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::columns::Column;
use super::picture::Picture;
use super::section_view::SectionView;
use super::table::Table;
use crate::model::snapshot::slab::part;
use crate::model::snapshot::{Reclaim, Snapshot, UNLIMITED_BYTES};
use crate::output::names;
use crate::sample::reclaim::{Cause, Stall};
use crate::units;

pub(super) fn view() -> SectionView<Reclaim> {
    SectionView {
        name: "reclaim",
        section: |snapshot| &snapshot.reclaim,
        matches,
        identity,
        table: Table::by("STALL/S", COLUMNS),
        pictures: (4, pictures),
    }
}

const COLUMNS: &[Column<Reclaim>] = &[
    Column::new("path", 0, 0),
    Column::new("cause", 9, 1),
    Column::new("limited_by", 18, 3),
    Column::new("stall_ns_per_sec", 9, 2),
    Column::new("recent_stall_ns", 10, 7),
    Column::new("stalls_total", 7, 4),
    Column::new("p99_ns", 8, 6),
    Column::new("max_ns", 8, 9),
    Column::new("background_ns_total", 10, 10),
    Column::new("scanned_pages_total", 8, 8),
    Column::new("reclaimed_pages_total", 8, 5),
    Column::new("usage_bytes", 9, 11),
    Column::new("high_bytes", 9, 12),
    Column::new("max_bytes", 9, 13).titled("MEMMAX"),
];

/// Recent waits, whose limit it is, its usage, and how long waits take.
fn pictures(row: &Reclaim, snapshot: &Snapshot) -> Vec<Picture> {
    let used = usage(row.usage_bytes, row.high_bytes, row.max_bytes);
    let count = &row.count;
    let max_ns = (count.stalls_total > 0).then_some(count.max_ns);
    vec![
        Picture::bars(
            "waits",
            row.recent_stall_ns.iter().copied().map(Some).collect(),
            waits(row, snapshot),
        ),
        Picture::words("limit", limit(row)),
        used,
        Picture::percentiles("a wait", [count.p50_ns, count.p99_ns, max_ns]),
    ]
}

/// Since when tasks wait: those that wait now, or else those whose waits ended in each of the last
/// intervals.
fn waits(row: &Reclaim, snapshot: &Snapshot) -> String {
    let ago = |ago_ns: u64| {
        let ago_ns = i64::try_from(ago_ns).unwrap_or(i64::MAX);
        let at = units::clock(snapshot.unix_ns.saturating_sub(ago_ns));
        at.split_once(' ')
            .map_or(at.clone(), |(_, time)| time.to_owned())
    };
    let (unsure, sure): (Vec<_>, Vec<_>) = row.stalls.iter().partition(|one| one.unconfirmed);
    let first = |stalls: &[&Stall]| stalls.iter().map(|stall| stall.since_ns).min();
    let ago_of = |since_ns| ago(snapshot.mono_ns.saturating_sub(since_ns));
    if let Some(since_ns) = first(&sure) {
        let tasks = units::things(sure.len() as u64, "task");
        return format!("{tasks} now, the first since {}", ago_of(since_ns));
    }
    if let Some(since_ns) = first(&unsure) {
        return format!("one since {}, which may be over", ago_of(since_ns));
    }
    let steps = &row.recent_stall_ns;
    let waited = steps.iter().rev().take_while(|ns| **ns > 0).count();
    let Some(interval_ns) = snapshot.interval_ns else {
        return "not known".to_owned();
    };
    if waited == 0 {
        return "none ended in the last interval".to_owned();
    }
    let at = ago(interval_ns.saturating_mul(waited as u64));
    match waited == steps.len() {
        // What was before the first of the intervals is not remembered.
        true => format!("each interval since {at} or before"),
        false => format!("each interval since {at}"),
    }
}

/// Whose limit makes the tasks reclaim.
fn limit(row: &Reclaim) -> String {
    let cause = names::cause(row.count.cause);
    let Some(limit) = &row.limited_by else {
        return format!("of no memcg; cause: {cause}");
    };
    let path = names::path(Some(limit));
    match row.count.cause {
        Cause::High | Cause::Max => format!("memory.{cause} of {path}"),
        _ => format!("{cause} of {path}"),
    }
}

/// The part of the lower of two limits that is used, and what is left.
pub(super) fn usage(usage: Option<u64>, high: Option<u64>, max: Option<u64>) -> Picture {
    let limits = [(high, "memory.high"), (max, "memory.max")];
    let limits = limits
        .into_iter()
        .filter_map(|(limit, name)| Some((limit?, name)));
    let limit = limits.filter(|(limit, _)| *limit < UNLIMITED_BYTES).min();
    let used = units::bytes(usage);
    let Some((limit, name)) = limit else {
        let is_known = high.is_some() && max.is_some();
        let limit = if is_known {
            "no limit"
        } else {
            "limits not known"
        };
        return Picture::part("usage", None, format!("{used}, {limit}"));
    };
    let part = usage.and_then(|usage| part(usage, limit));
    let left = usage.map(|usage| limit.saturating_sub(usage));
    let of = units::bytes(Some(limit));
    let left = units::bytes(left);
    Picture::part("usage", part, format!("{used} of {name} {of}, {left} left"))
}

fn matches(row: &Reclaim, filter: &str) -> bool {
    let words = [
        names::path(row.memcg.as_deref()),
        names::cause(row.count.cause),
        names::limited_by(row),
    ];
    words
        .iter()
        .any(|word| word.to_lowercase().contains(filter))
}

fn identity(row: &Reclaim) -> u64 {
    let mut hasher = DefaultHasher::new();
    let count = &row.count;
    (count.memcg_serial_nr, count.cause, count.limit_serial_nr).hash(&mut hasher);
    hasher.finish()
}
