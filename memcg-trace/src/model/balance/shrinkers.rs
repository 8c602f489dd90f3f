//! Rules for shrinkers that scan too much, scan in vain, or do not end.

use std::collections::HashMap;
use std::sync::Arc;

use super::list::{Fresh, List};
use super::moment::Moment;
use super::window::Window;
use crate::model::pins::words::grouped;
use crate::model::snapshot::{Figure, FindingKind, MemcgId, Severity};
use crate::sample::reclaim::{Cause, Shrinking};
use crate::sample::{GONE_SERIAL_NR, LightScan, Shrinker, sanitized};
use crate::units;

/// The multiple of its share that a cache may be scanned under light pressure: a kernel that
/// follows the design of mm/vmscan.c stays at 1 or below.
const OVER_SCANNED: u64 = 4;
/// The least objects in five intervals: fewer do no harm.
const OVER_SCANNED_LEAST: u64 = 1_000;
/// The least objects scanned in an interval: much work for nothing.
const FRUITLESS_LEAST: u64 = 10_000;
/// The yield below which scanning is fruitless: one object freed in this many.
const FRUITLESS_YIELD: u64 = 100;
/// The number of intervals in a row: the first round over a cache may only unmark used objects.
const FRUITLESS_INTERVALS: usize = 3;
/// The duration of a blocked run: a normal one takes milliseconds.
const BLOCKED_NS: u64 = 2_000_000_000;
/// The duration after which tasks that need memory have stopped.
const BLOCKED_LONG_NS: u64 = 10_000_000_000;

type Key = (u64, Option<u64>, u32, Cause);

/// The recent figures of shrinkers.
#[derive(Debug, Default)]
pub(super) struct ShrinkerRules {
    windows: HashMap<Key, Windows>,
}

#[derive(Debug, Default)]
struct Windows {
    /// Objects due, deferred, scanned and freed, under light pressure.
    light: Window<4>,
    /// Objects scanned and freed.
    all: Window<2>,
}

impl ShrinkerRules {
    pub(super) fn on_sample(&mut self, moment: &Moment<'_>, list: &mut List) {
        if let Some(rows) = &moment.sample.shrinkers {
            let mut before = std::mem::take(&mut self.windows);
            let of_one = |row: &&Shrinker| row.memcg_serial_nr != Some(GONE_SERIAL_NR);
            for row in rows.iter().filter(of_one) {
                let key = (row.shrinker, row.memcg_serial_nr, row.node, row.cause);
                let mut windows = before.remove(&key).unwrap_or_default();
                if let Some(light) = &row.light {
                    windows.light.push(sums(light));
                }
                let all = [row.scanned_objects_total, row.freed_objects_total];
                windows.all.push(all);
                over_scanned(row, &windows.light, moment, list);
                fruitless(row, &windows.all, moment, list);
                self.windows.insert(key, windows);
            }
        }
        for run in moment.sample.reclaim.iter().flat_map(|one| &one.shrinking) {
            blocked(run, moment, list);
        }
    }
}

fn sums(light: &LightScan) -> [u64; 4] {
    [
        light.due_objects_total,
        light.deferred_objects_total,
        light.scanned_objects_total,
        light.freed_objects_total,
    ]
}

/// Finds a cache that is scanned far more than its share while pressure is light, so that its used
/// objects go, too.
fn over_scanned(row: &Shrinker, window: &Window<4>, moment: &Moment<'_>, list: &mut List) {
    let [due, deferred, scanned, freed] = window.grown();
    let share = due.saturating_add(deferred);
    if scanned < OVER_SCANNED_LEAST || scanned <= share.saturating_mul(OVER_SCANNED) {
        return;
    }
    let of = memcg(row.memcg_serial_nr, moment);
    let sentence = format!(
        "{} scanned {} {} of {} under light pressure, where {} were due: what is in use of a \
         small cache is lost",
        name(row.name.as_deref(), row.shrinker),
        grouped(scanned),
        units::noun(scanned, "object"),
        place(of.as_deref()),
        grouped(share),
    );
    let figures = vec![
        (
            "shrinker",
            Figure::Text(name(row.name.as_deref(), row.shrinker)),
        ),
        ("node", Figure::Count(row.node.into())),
        ("due_objects", Figure::Count(due)),
        ("deferred_objects", Figure::Count(deferred)),
        ("scanned_objects", Figure::Count(scanned)),
        ("freed_objects", Figure::Count(freed)),
        (
            "freeable_objects",
            row.freeable_objects.map_or(Figure::Unknown, Figure::Count),
        ),
    ];
    find(
        FindingKind::SmallCacheOverScan,
        row,
        of,
        (sentence, figures),
        moment,
        list,
    );
}

/// Finds a shrinker that scans much and frees next to nothing, for several intervals.
fn fruitless(row: &Shrinker, window: &Window<2>, moment: &Moment<'_>, list: &mut List) {
    let is_fruitless = |[scanned, freed]: &[u64; 2]| {
        *scanned >= FRUITLESS_LEAST && freed.saturating_mul(FRUITLESS_YIELD) < *scanned
    };
    let steps: Vec<_> = window.steps().collect();
    let last = steps.iter().rev().take(FRUITLESS_INTERVALS);
    let (mut intervals, mut scanned, mut freed) = (0, 0_u64, 0_u64);
    for step in last.filter(|step| is_fruitless(step)) {
        intervals += 1;
        scanned = scanned.saturating_add(step[0]);
        freed = freed.saturating_add(step[1]);
    }
    if intervals < FRUITLESS_INTERVALS {
        return;
    }
    let of = memcg(row.memcg_serial_nr, moment);
    let sentence = format!(
        "{} scanned {} {} of {} and freed {}, in each of the last {intervals} intervals next \
         to nothing",
        name(row.name.as_deref(), row.shrinker),
        grouped(scanned),
        units::noun(scanned, "object"),
        place(of.as_deref()),
        grouped(freed),
    );
    let figures = vec![
        (
            "shrinker",
            Figure::Text(name(row.name.as_deref(), row.shrinker)),
        ),
        ("node", Figure::Count(row.node.into())),
        (
            "cause",
            row.cause
                .as_str()
                .map_or(Figure::Unknown, |cause| Figure::Text(cause.to_owned())),
        ),
        ("scanned_objects", Figure::Count(scanned)),
        ("freed_objects", Figure::Count(freed)),
        ("intervals", Figure::Count(intervals as u64)),
    ];
    find(
        FindingKind::FruitlessScanning,
        row,
        of,
        (sentence, figures),
        moment,
        list,
    );
}

type Words = (String, Vec<(&'static str, Figure)>);

fn find(
    kind: FindingKind,
    row: &Shrinker,
    memcg: Option<Arc<MemcgId>>,
    (sentence, figures): Words,
    moment: &Moment<'_>,
    list: &mut List,
) {
    let memcg_nr = row.memcg_serial_nr.unwrap_or(0);
    let about = (
        kind,
        [row.shrinker, memcg_nr, row.node.into(), row.cause as u64],
    );
    let fresh = Fresh {
        severity: Severity::Warn,
        memcg,
        sentence,
        figures,
        first_ns: moment.now_ns.saturating_sub(moment.interval_ns),
        lasts_until_ns: moment
            .now_ns
            .saturating_add(moment.interval_ns.saturating_mul(3)),
    };
    list.find(about, moment.now_ns, fresh);
}

/// Finds reclaim that is stuck in one shrinker.
fn blocked(run: &Shrinking, moment: &Moment<'_>, list: &mut List) {
    let waited_ns = moment.now_ns.saturating_sub(run.begin_ns);
    if waited_ns < BLOCKED_NS {
        return;
    }
    let severity = match waited_ns < BLOCKED_LONG_NS || run.unconfirmed {
        true => Severity::Warn,
        false => Severity::Critical,
    };
    // A task that runs may have left the shrinker.
    let surely = match run.unconfirmed {
        true => "may have been",
        false => "has been",
    };
    let of = memcg(run.memcg_serial_nr, moment);
    let shrinker = name(run.name.as_deref(), run.shrinker);
    let fs = run.fs.as_ref().map(|fs| format!(" ({})", fs.display()));
    let task = format!("{}[{}]", run.comm.display(), run.tid);
    let inside = run
        .stack
        .first()
        .map(|function| format!(", in {}", sanitized(function)));
    let sentence = format!(
        "{task} reclaims from {}, and {surely} stuck in the shrinker {shrinker}{} for {} s{}",
        place(of.as_deref()),
        fs.unwrap_or_default(),
        waited_ns / 1_000_000_000,
        inside.unwrap_or_default(),
    );
    let figures = vec![
        ("task", Figure::Text(task)),
        ("pid", Figure::Count(run.pid.into())),
        ("tid", Figure::Count(run.tid.into())),
        ("shrinker", Figure::Text(shrinker)),
        (
            "fs",
            run.fs.as_ref().map_or(Figure::Unknown, |fs| {
                Figure::Text(fs.display().into_owned())
            }),
        ),
        (
            "dev",
            run.dev.as_ref().map_or(Figure::Unknown, |dev| {
                Figure::Text(sanitized(dev).into_owned())
            }),
        ),
        (
            "cause",
            run.cause
                .as_str()
                .map_or(Figure::Unknown, |cause| Figure::Text(cause.to_owned())),
        ),
        ("waited_ns", Figure::Count(waited_ns)),
        ("unconfirmed", Figure::Count(run.unconfirmed.into())),
        (
            "stack",
            Figure::Texts(
                run.stack
                    .iter()
                    .map(|one| sanitized(one).into_owned())
                    .collect(),
            ),
        ),
    ];
    let about = (
        FindingKind::BlockedShrinker,
        [run.tid.into(), run.begin_ns, 0, 0],
    );
    let fresh = Fresh {
        severity,
        memcg: of,
        sentence,
        figures,
        first_ns: run.begin_ns,
        // The finding ends with the first sample without it.
        lasts_until_ns: moment.now_ns,
    };
    list.find(about, moment.now_ns, fresh);
}

fn name(name: Option<&str>, shrinker: u64) -> String {
    name.map_or_else(
        || format!("{shrinker:#x}"),
        |name| sanitized(name).into_owned(),
    )
}

fn memcg(serial_nr: Option<u64>, moment: &Moment<'_>) -> Option<Arc<MemcgId>> {
    moment.tree.id(serial_nr?).map(Arc::clone)
}

fn place(memcg: Option<&MemcgId>) -> String {
    memcg.map_or_else(|| "the host".to_owned(), |id| id.shown())
}
