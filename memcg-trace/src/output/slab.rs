//! Slab memory and its owners, for people.

use std::fmt::Write as _;

use super::figures::{Rounded, record};
use super::records::Charged;
use super::table::{Style, Table, figure, titled};
use super::{fit, text};
use crate::model::slab_list::{Totals, by_memcg};
use crate::model::snapshot::{Inherited, Slab, SlabCache, Snapshot};
use crate::sample::recording::Host;
use crate::units::{self, PAGE_BYTES};

/// The part of the last walk that is shown.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Objects by memcg and cache, in the order of the list.
    pub held: &'a [&'a Slab],
    /// Caches, in the order of the list.
    pub caches: &'a [&'a SlabCache],
    /// Maximum number of rows of each table.
    pub top: usize,
    /// The only cache that is shown.
    pub cache: Option<&'a [u8]>,
    /// Whether the whole host is shown.
    pub is_whole: bool,
}

/// Writes the last walk.
#[must_use]
pub fn render(snapshot: &Snapshot, view: &View<'_>, host: &Host, style: Style) -> String {
    let mut text = String::new();
    fit::push_line(&mut text, &text::heading(snapshot, host), style.columns);
    text + &answer(snapshot, view, style)
}

/// Writes the last walk, without the heading.
#[must_use]
pub fn answer(snapshot: &Snapshot, view: &View<'_>, style: Style) -> String {
    let mut text = String::new();
    for line in lines(snapshot, view) {
        fit::push_line(&mut text, &line, style.columns);
    }
    for (_, table) in tables(snapshot, view) {
        table.write(&mut text, style);
    }
    text
}

/// The last walk in some lines.
pub(super) fn lines(snapshot: &Snapshot, view: &View<'_>) -> Vec<String> {
    let totals = Totals::of(snapshot, view.cache);
    let mut lines = vec![verdict(&totals), charged(view, &totals)];
    lines.extend(view.is_whole.then(|| reclaim(&totals)));
    lines.push(coverage(snapshot));
    lines.extend(gaps(snapshot, &totals));
    lines
}

/// The last walk in tables, each with a caption.
pub(super) fn tables(snapshot: &Snapshot, view: &View<'_>) -> [(&'static str, Table); 4] {
    let totals = Totals::of(snapshot, view.cache);
    [
        ("Slab by memory cgroup", memcg_table(view, &totals)),
        ("Slab by memory cgroup and cache", held_table(view)),
        ("Caches", cache_table(view)),
        (
            "Inherited from dead children",
            inherited_table(snapshot, view),
        ),
    ]
}

/// The utilization of pages, in one line.
fn verdict(totals: &Totals) -> String {
    format!(
        "slab: {} in {} of {}, {} used; packing would free {} ({})",
        units::bytes(Some(totals.slab_bytes)),
        units::things(totals.slab_pages, "page"),
        units::things(totals.caches, "cache"),
        percent(totals.utilization()),
        units::things(totals.freeable_pages, "page"),
        units::bytes(Some(totals.freeable_pages.saturating_mul(PAGE_BYTES))),
    )
}

/// The owners of objects, in one line.
fn charged(view: &View<'_>, totals: &Totals) -> String {
    let sums = by_memcg(view.held.iter().copied());
    let (share, objects) = sums.iter().fold((0_u64, 0_u64), |(share, objects), sum| {
        (
            share.saturating_add(sum.share_bytes),
            objects.saturating_add(sum.objects),
        )
    });
    let mut text = format!(
        "charged: {} on {} to {}",
        units::things(objects, "object"),
        units::bytes(Some(share)),
        units::things(sums.len() as u64, "memcg"),
    );
    if view.is_whole {
        let _ = write!(
            text,
            "; to nobody: {} on {}",
            units::things(totals.unaccounted_objects, "object"),
            units::bytes(Some(totals.unaccounted_share_bytes)),
        );
    }
    text
}

/// The bytes that could be freed, and why the others cannot, in one line.
fn reclaim(totals: &Totals) -> String {
    let of = &totals.reclaim;
    let mut parts: Vec<_> = of.reasons().into_iter().filter(|one| one.1 > 0).collect();
    parts.extend([
        ("empty room", of.free_bytes),
        ("not known", totals.unknown_reclaim_bytes),
    ]);
    parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let parts = parts
        .iter()
        .map(|(why, bytes)| format!("{why} {}", units::bytes(Some(*bytes))));
    format!(
        "reclaimable: {}; not: {}",
        units::bytes(Some(of.reclaimable_bytes)),
        parts.collect::<Vec<_>>().join(", "),
    )
}

/// The extent and the time of the walk.
fn coverage(snapshot: &Snapshot) -> String {
    let section = &snapshot.slab_caches;
    let age = section
        .as_of_ns
        .map(|at| snapshot.mono_ns.saturating_sub(at));
    let mut text = format!(
        "walk: {} in {}, {} ago",
        units::things_known(section.visited, "page"),
        units::duration(section.took_ns),
        units::duration(age),
    );
    if let Some(pages) = snapshot.large_kmalloc_pages {
        let bytes = units::bytes(Some(pages.saturating_mul(PAGE_BYTES)));
        let _ = write!(text, "; not in it: large kmalloc, {bytes}");
    }
    text
}

/// One line for each thing that the walk could not check.
#[must_use]
pub fn gaps(snapshot: &Snapshot, totals: &Totals) -> Vec<String> {
    let bound = snapshot.slab_caches.truncated_at;
    let bound = bound.map(|bound| {
        let pages = units::things(bound, "page");
        format!("the walk was ended by a bound after {pages}: more is not counted")
    });
    let changed = (totals.changed_slabs > 0).then(|| {
        let slabs = units::things(totals.changed_slabs, "slab");
        format!("{slabs} changed during the look, not counted")
    });
    bound.into_iter().chain(changed).collect()
}

record! {
    /// The slab memory of a memcg, or of none.
    struct Owner<'a> {
        /// The memcg, or that none is charged.
        @column owner: Charged<'a> => "MEMCG",
        /// Objects.
        @column objects: u64 => "OBJECTS",
        /// Bytes that the memcg is charged for them.
        @column charged_bytes: Option<u64> => "CHARGED",
        /// Its share of the pages.
        @column share_bytes: u64 => "SLAB",
        /// Part of its share that its objects take.
        @column utilization: Rounded => "USED",
        /// Caches that it has objects of.
        @column caches: Option<u64> => "CACHES",
        /// Objects that were charged to a child that is dead.
        @column inherited_objects: Option<u64> => "INHERITED",
    }
}

fn memcg_table(view: &View<'_>, totals: &Totals) -> Table {
    let columns = [
        figure("owner"),
        figure("objects"),
        figure("charged_bytes"),
        figure("share_bytes"),
        figure("utilization"),
        figure("caches"),
        figure("inherited_objects"),
    ];
    let sums = by_memcg(view.held.iter().copied());
    let rows = sums.iter().take(view.top).map(|sum| Owner {
        owner: Charged::To(sum.memcg.as_deref()),
        objects: sum.objects,
        charged_bytes: Some(sum.charged_bytes),
        share_bytes: sum.share_bytes,
        utilization: Rounded(sum.utilization()),
        caches: Some(sum.caches),
        inherited_objects: Some(sum.inherited_objects),
    });
    let unaccounted = (view.is_whole && totals.caches > 0).then(|| Owner {
        owner: Charged::Nobody,
        objects: totals.unaccounted_objects,
        charged_bytes: None,
        share_bytes: totals.unaccounted_share_bytes,
        utilization: Rounded(totals.unaccounted_utilization()),
        caches: None,
        inherited_objects: None,
    });
    let rows: Vec<Owner> = rows.chain(unaccounted).collect();
    Table::of(&columns, &rows, sums.len().saturating_sub(view.top))
}

fn held_table(view: &View<'_>) -> Table {
    let columns = [
        figure("path"),
        figure("cache"),
        figure("objects"),
        figure("bytes"),
        figure("share_bytes"),
        figure("utilization"),
        figure("touched_pages"),
        figure("owned_pages"),
        figure("inherited_objects"),
    ];
    let rows = view.held.iter().take(view.top).copied();
    Table::of(&columns, rows, view.held.len().saturating_sub(view.top))
}

fn cache_table(view: &View<'_>) -> Table {
    let columns = [
        figure("names"),
        figure("size_bytes"),
        figure("order"),
        figure("slab_pages"),
        figure("utilization"),
        figure("live_objects"),
        figure("charged_objects"),
        figure("unaccounted_objects"),
        figure("cached_objects"),
        figure("freeable_pages"),
        figure("reclaimable_bytes"),
        figure("why_not_reclaimable"),
    ];
    let rows = view.caches.iter().take(view.top).copied();
    Table::of(&columns, rows, view.caches.len().saturating_sub(view.top))
}

/// The most common reason, by bytes, why slabs of a cache cannot be reclaimed.
pub(super) fn why_not_reclaimable(row: &SlabCache) -> String {
    let most = row.reclaimable().and_then(|reclaim| {
        let reasons = reclaim.reasons().into_iter();
        reasons.max_by_key(|(_, bytes)| *bytes)
    });
    match most {
        Some((_, 0)) | None => units::UNKNOWN.to_owned(),
        Some((why, _)) => why.to_owned(),
    }
}

/// The name of a cache, and how many others the kernel merged with it: `PING (+UNIX, RAW)`,
/// `names_cache (+5)`.
pub(super) fn cache_name(row: &SlabCache) -> String {
    const MAX_NAMED: usize = 2;
    let (name, aliases) = (row.name.display(), &row.walked.aliases);
    match aliases.len() {
        0 => name.into_owned(),
        1..=MAX_NAMED => {
            let others: Vec<_> = aliases.iter().map(|alias| alias.display()).collect();
            format!("{name} (+{})", others.join(", "))
        }
        others => format!("{name} (+{others})"),
    }
}

/// Charges that memcgs inherited from dead ones, slab or not.
fn inherited_table(snapshot: &Snapshot, view: &View<'_>) -> Table {
    let columns = [
        titled("INHERITED BY", "path"),
        figure("inherited_bytes"),
        figure("slab_objects"),
        figure("slab_bytes"),
        figure("kernel_pages"),
        figure("lru_pages"),
        figure("objcgs"),
    ];
    let mut rows: Vec<&Inherited> = snapshot.inherited.items.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.bytes()));
    // These sums are of all caches, so they do not belong below a single one.
    let shown = if view.cache.is_some() { 0 } else { view.top };
    let left_out = rows.len().saturating_sub(shown);
    Table::of(&columns, rows.into_iter().take(shown), left_out)
}

/// A part such as `64 %`; unknown if the whole is 0.
#[must_use]
pub fn percent(part: Option<f64>) -> String {
    part.map_or_else(
        || units::UNKNOWN.to_owned(),
        |part| format!("{:.0} %", part * 100.0),
    )
}
