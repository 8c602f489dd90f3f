//! Rules for memcgs: usage near `memory.high`, memory that collapses and refills, unbalanced
//! reclaim of slab and pages, and dead memcgs that cost reclaim time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::list::{Fresh, List};
use super::moment::Moment;
use super::window::Window;
use crate::model::pins::words::grouped;
use crate::model::snapshot::{Figure, FindingKind, Memcg, Severity, UNLIMITED_BYTES};
use crate::sample::reclaim::ReclaimCount;
use crate::units::{self, PAGE_BYTES};

/// The share of the limit by which usage must fall below the threshold before a finding ends.
const NEAR_SLACK: f64 = 0.05;
/// The least limit that the rule is for: a lower one is meant to be exceeded, as by
/// `echo 0 > memory.high`.
const NEAR_LEAST_BYTES: u64 = 1 << 20;
/// A tooth of a saw: usage falls to `TOOTH_FALL` of its peak, or less, within two intervals, and
/// comes back to `TOOTH_REFILL` of it.
const TOOTH_FALL: f64 = 0.6;
const TOOTH_REFILL: f64 = 0.8;
const TOOTH_LEAST_BYTES: u64 = 64 << 20;
const TEETH: u64 = 3;
const TEETH_WITHIN_NS: u64 = 600_000_000_000;
/// Slab is at least `LOPSIDED_LARGE_SHARE` of a memcg, and at most `LOPSIDED_SMALL_SHARE` of what
/// is reclaimed from it; or the other way round.
const LOPSIDED_LARGE_SHARE: f64 = 0.5;
const LOPSIDED_SMALL_SHARE: f64 = 0.05;
const LOPSIDED_BYTES: u64 = 64 << 20;
/// Reclaim spends at least one part in `DEAD_SHARE` of its time on dead memcgs, and at least
/// `DEAD_LEAST_NS`.
const DEAD_SHARE: u64 = 5;
const DEAD_LEAST_NS: u64 = 100_000_000;

/// The recent figures of memcgs.
#[derive(Debug)]
pub(super) struct MemcgRules {
    near_high: f64,
    memcgs: HashMap<u64, Usage>,
    /// Time of reclaim at dead memcgs, and at all.
    visits: Window<2>,
    /// `visit_ns_total` of each row as of the last sample: growth counts for memcgs that are dead
    /// now.
    visit_ns: HashMap<(Option<u64>, u64, Option<u64>), u64>,
    dead_ns: u64,
    all_ns: u64,
}

/// The recent figures of one memcg.
#[derive(Debug, Default)]
struct Usage {
    peak_bytes: u64,
    /// The time of its last peak.
    peak_ns: u64,
    /// The lowest usage since the peak, if it fell from there.
    trough_bytes: Option<u64>,
    /// The time at which each tooth was complete.
    teeth_ns: Vec<u64>,
    /// Bytes of slab and of pages that were reclaimed, by interval.
    taken: Window<2>,
    slab_bytes: Option<u64>,
    slab_taken_bytes: u64,
}

impl MemcgRules {
    pub(super) fn new(near_high: f64) -> Self {
        Self {
            near_high,
            memcgs: HashMap::new(),
            visits: Window::default(),
            visit_ns: HashMap::new(),
            dead_ns: 0,
            all_ns: 0,
        }
    }

    pub(super) fn on_sample(&mut self, moment: &Moment<'_>, list: &mut List) {
        let counts = moment
            .sample
            .reclaim
            .as_ref()
            .map(|reclaim| &reclaim.counts);
        let mut pages: HashMap<u64, u64> = HashMap::new();
        for count in counts.into_iter().flatten() {
            if let Some(serial_nr) = count.memcg_serial_nr {
                let sum = pages.entry(serial_nr).or_default();
                *sum = sum.saturating_add(count.reclaimed_pages_total);
            }
        }
        if moment.sample.memcgs.is_some() {
            let mut before = std::mem::take(&mut self.memcgs);
            for memcg in moment.memcgs.iter().filter(|memcg| memcg.phase.is_none()) {
                let serial_nr = memcg.id.serial_nr;
                near_high(memcg, self.near_high, moment, list);
                if let Some(usage_bytes) = memcg.facts.usage_bytes {
                    let mut usage = before.remove(&serial_nr).unwrap_or_default();
                    usage.saw(memcg, usage_bytes, moment, list);
                    let taken = pages.get(&serial_nr).copied().unwrap_or(0);
                    usage.lopsided(memcg, usage_bytes, taken, moment, list);
                    self.memcgs.insert(serial_nr, usage);
                }
            }
        }
        if let Some(counts) = counts {
            self.dead_weight(counts, moment, list);
        }
    }

    /// Finds reclaim that spends its time on dead memcgs.
    fn dead_weight(&mut self, counts: &[ReclaimCount], moment: &Moment<'_>, list: &mut List) {
        let dead = moment.memcgs.iter().filter(|memcg| memcg.phase.is_some());
        let dead: HashSet<u64> = dead.map(|memcg| memcg.id.serial_nr).collect();
        let mut now = HashMap::with_capacity(counts.len());
        for count in counts {
            let key = (
                count.memcg_serial_nr,
                count.cause as u64,
                count.limit_serial_nr,
            );
            let before = self.visit_ns.get(&key).copied().unwrap_or(0);
            let grown = count.visit_ns_total.saturating_sub(before);
            self.all_ns = self.all_ns.saturating_add(grown);
            if count
                .memcg_serial_nr
                .is_some_and(|serial_nr| dead.contains(&serial_nr))
            {
                self.dead_ns = self.dead_ns.saturating_add(grown);
            }
            now.insert(key, count.visit_ns_total);
        }
        self.visit_ns = now;
        self.visits.push([self.dead_ns, self.all_ns]);
        let [dead_ns, all_ns] = self.visits.grown();
        if dead_ns < DEAD_LEAST_NS || dead_ns.saturating_mul(DEAD_SHARE) < all_ns {
            return;
        }
        let sentence = format!(
            "reclaim spent {} of {} on {} dead memory cgroups: what pins them costs everyone",
            units::duration(Some(dead_ns)),
            units::duration(Some(all_ns)),
            grouped(dead.len() as u64),
        );
        let figures = vec![
            ("dead_ns", Figure::Count(dead_ns)),
            ("reclaim_ns", Figure::Count(all_ns)),
            ("zombies", Figure::Count(dead.len() as u64)),
        ];
        let fresh = Fresh {
            severity: Severity::Warn,
            memcg: None,
            sentence,
            figures,
            first_ns: moment.now_ns.saturating_sub(moment.interval_ns),
            lasts_until_ns: lasting(moment),
        };
        list.find((FindingKind::DeadWeight, [0; 4]), moment.now_ns, fresh);
    }
}

/// Returns the time at which a finding ends: three intervals without being found again.
fn lasting(moment: &Moment<'_>) -> u64 {
    moment
        .now_ns
        .saturating_add(moment.interval_ns.saturating_mul(3))
}

/// Finds memcgs near `memory.high`, before their tasks have to wait for reclaim.
#[expect(clippy::cast_precision_loss, reason = "a share of a limit")]
fn near_high(memcg: &Memcg, share: f64, moment: &Moment<'_>, list: &mut List) {
    let (Some(usage), Some(high)) = (memcg.facts.usage_bytes, memcg.facts.high_bytes) else {
        return;
    };
    if !(NEAR_LEAST_BYTES..UNLIMITED_BYTES).contains(&high) {
        return;
    }
    let about = (FindingKind::NearHigh, [memcg.id.serial_nr, 0, 0, 0]);
    let part = usage as f64 / high as f64;
    let bound = match list.is_open(&about) {
        true => share - NEAR_SLACK,
        false => share,
    };
    if part < bound {
        return;
    }
    let sentence = format!(
        "{} uses {} of its memory.high of {} ({:.0} %)",
        memcg.id.shown(),
        units::bytes(Some(usage)),
        units::bytes(Some(high)),
        part * 100.0,
    );
    let headroom = high.saturating_sub(usage);
    let figures = vec![
        ("usage_bytes", Figure::Count(usage)),
        ("high_bytes", Figure::Count(high)),
        ("headroom_bytes", Figure::Count(headroom)),
        (
            "max_bytes",
            memcg.facts.max_bytes.map_or(Figure::Unknown, Figure::Count),
        ),
    ];
    let fresh = Fresh {
        severity: Severity::Info,
        memcg: Some(Arc::clone(&memcg.id)),
        sentence,
        figures,
        first_ns: moment.now_ns,
        lasts_until_ns: moment.now_ns,
    };
    list.find(about, moment.now_ns, fresh);
}

impl Usage {
    /// Finds memory that collapses and refills, over and over.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "parts of a peak"
    )]
    fn saw(&mut self, memcg: &Memcg, usage_bytes: u64, moment: &Moment<'_>, list: &mut List) {
        let now_ns = moment.now_ns;
        let part = |of: u64, part: f64| (of as f64 * part) as u64;
        match self.trough_bytes {
            None if usage_bytes >= self.peak_bytes => {
                (self.peak_bytes, self.peak_ns) = (usage_bytes, now_ns);
            }
            None if self.peak_bytes >= TOOTH_LEAST_BYTES
                && usage_bytes <= part(self.peak_bytes, TOOTH_FALL) =>
            {
                let fell_ns = now_ns.saturating_sub(self.peak_ns);
                if fell_ns <= moment.interval_ns.saturating_mul(2) {
                    self.trough_bytes = Some(usage_bytes);
                } else {
                    (self.peak_bytes, self.peak_ns) = (usage_bytes, now_ns);
                }
            }
            // The usage fell slowly: this is its new peak.
            None if usage_bytes < part(self.peak_bytes, TOOTH_REFILL) => {
                if now_ns.saturating_sub(self.peak_ns) > moment.interval_ns.saturating_mul(2) {
                    (self.peak_bytes, self.peak_ns) = (usage_bytes, now_ns);
                }
            }
            None => self.peak_ns = now_ns,
            Some(trough) if usage_bytes >= part(self.peak_bytes, TOOTH_REFILL) => {
                self.trough_bytes = None;
                self.teeth_ns.push(now_ns);
                self.teeth_ns
                    .retain(|tooth| now_ns.saturating_sub(*tooth) <= TEETH_WITHIN_NS);
                let peak = self.peak_bytes;
                (self.peak_bytes, self.peak_ns) = (usage_bytes, now_ns);
                self.report_teeth(memcg, (trough, peak), moment, list);
            }
            Some(trough) => self.trough_bytes = Some(trough.min(usage_bytes)),
        }
    }

    fn report_teeth(
        &self,
        memcg: &Memcg,
        (trough, peak): (u64, u64),
        moment: &Moment<'_>,
        list: &mut List,
    ) {
        let teeth = self.teeth_ns.len() as u64;
        let (Some(first_ns), true) = (self.teeth_ns.first().copied(), teeth >= TEETH) else {
            return;
        };
        let sentence = format!(
            "the memory of {} collapses and refills: {} {} within {}, the last from {} to {}",
            memcg.id.shown(),
            grouped(teeth),
            units::noun(teeth, "time"),
            units::duration(Some(moment.now_ns.saturating_sub(first_ns))),
            units::bytes(Some(peak)),
            units::bytes(Some(trough)),
        );
        let figures = vec![
            ("teeth", Figure::Count(teeth)),
            ("peak_bytes", Figure::Count(peak)),
            ("trough_bytes", Figure::Count(trough)),
        ];
        let average_ns = moment.now_ns.saturating_sub(first_ns) / teeth.max(1);
        let fresh = Fresh {
            severity: Severity::Warn,
            memcg: Some(Arc::clone(&memcg.id)),
            sentence,
            figures,
            first_ns,
            lasts_until_ns: moment
                .now_ns
                .saturating_add(average_ns.saturating_mul(3))
                .max(lasting(moment)),
        };
        let about = (FindingKind::Sawtooth, [memcg.id.serial_nr, 0, 0, 0]);
        list.find(about, moment.now_ns, fresh);
    }

    /// Finds slab and pages that are reclaimed out of proportion.
    #[expect(clippy::cast_precision_loss, reason = "shares of memory")]
    fn lopsided(
        &mut self,
        memcg: &Memcg,
        usage_bytes: u64,
        taken_pages: u64,
        moment: &Moment<'_>,
        list: &mut List,
    ) {
        let Some(slab_bytes) = memcg.facts.slab_bytes else {
            return;
        };
        // Shrinkers took at least the bytes by which slab is less.
        let before = self.slab_bytes.replace(slab_bytes).unwrap_or(slab_bytes);
        let shrunk = before.saturating_sub(slab_bytes);
        self.slab_taken_bytes = self.slab_taken_bytes.saturating_add(shrunk);
        let pages_bytes = taken_pages.saturating_mul(PAGE_BYTES);
        self.taken.push([self.slab_taken_bytes, pages_bytes]);
        let [slab_taken, pages_taken] = self.taken.grown();
        let taken = slab_taken.saturating_add(pages_taken);
        if !self.taken.is_full() || taken < LOPSIDED_BYTES || usage_bytes == 0 {
            return;
        }
        let slab_share = slab_bytes as f64 / usage_bytes as f64;
        let taken_share = slab_taken as f64 / taken as f64;
        let pages_pay = slab_share >= LOPSIDED_LARGE_SHARE && taken_share <= LOPSIDED_SMALL_SHARE;
        let slab_pays = slab_share <= LOPSIDED_SMALL_SHARE && taken_share >= LOPSIDED_LARGE_SHARE;
        if !pages_pay && !slab_pays {
            return;
        }
        let sentence = format!(
            "slab is {:.0} % of the memory of {} and {:.0} % of what is taken from it: {} pay",
            slab_share * 100.0,
            memcg.id.shown(),
            taken_share * 100.0,
            if pages_pay { "its pages" } else { "its caches" },
        );
        let figures = vec![
            ("usage_bytes", Figure::Count(usage_bytes)),
            ("slab_bytes", Figure::Count(slab_bytes)),
            ("slab_taken_bytes", Figure::Count(slab_taken)),
            ("pages_taken_bytes", Figure::Count(pages_taken)),
        ];
        let fresh = Fresh {
            severity: Severity::Warn,
            memcg: Some(Arc::clone(&memcg.id)),
            sentence,
            figures,
            first_ns: moment.now_ns.saturating_sub(moment.interval_ns),
            lasts_until_ns: lasting(moment),
        };
        let about = (FindingKind::LopsidedReclaim, [memcg.id.serial_nr, 0, 0, 0]);
        list.find(about, moment.now_ns, fresh);
    }
}
