//! Call sites that have objects of a cache, for people.

use super::records::SlabCaller;
use super::table::{Style, Table, figure};
use super::{fit, text};
use crate::model::snapshot::Snapshot;
use crate::sample::callers::{CallSite, Callers};
use crate::sample::recording::Host;
use crate::sample::sanitized;
use crate::units;

/// Maximum number of call sites whose stacks are shown, and of stacks of each.
const MAX_SITES: usize = 5;
const MAX_STACKS: usize = 3;

/// Writes the call sites, `top` of them, and sampled stacks of the first.
#[must_use]
pub fn render(
    snapshot: &Snapshot,
    callers: &Callers,
    top: usize,
    host: &Host,
    style: Style,
) -> String {
    let mut text = String::new();
    let heading = [text::heading(snapshot, host), verdict(callers)];
    for line in heading.into_iter().chain(gaps(snapshot, callers)) {
        fit::push_line(&mut text, &line, style.columns);
    }
    table(callers, top).write(&mut text, style);
    for line in stacks(callers, top) {
        fit::push_line(&mut text, &line, style.columns);
    }
    text
}

/// Says in one sentence how many objects were not freed.
fn verdict(callers: &Callers) -> String {
    let alive: u64 = sum(callers, CallSite::alive);
    let sites = callers.sites.iter().filter(|site| site.alive() > 0);
    let names = match callers.aliases.len() {
        0 => String::new(),
        _ => {
            let aliases = callers.aliases.iter().map(|alias| alias.display());
            let aliases: Vec<_> = aliases.collect();
            format!(", which the kernel merged with {}", aliases.join(", "))
        }
    };
    format!(
        "{}{names}: {} ({}) of {} allocated in {} were not freed, as far as was seen: by {}",
        callers.cache.display(),
        units::things(alive, "object"),
        units::bytes(Some(alive.saturating_mul(callers.size_bytes.into()))),
        units::count(Some(sum(callers, |site| site.alloc_total))),
        units::duration(Some(callers.as_of_ns.saturating_sub(callers.since_ns))),
        units::things(sites.count() as u64, "call site"),
    )
}

/// The sum of a figure of all call sites.
#[must_use]
pub fn sum(callers: &Callers, figure: impl Fn(&CallSite) -> u64) -> u64 {
    callers
        .sites
        .iter()
        .map(figure)
        .fold(0, u64::saturating_add)
}

/// One line for each thing that was not seen.
#[must_use]
pub fn gaps(snapshot: &Snapshot, callers: &Callers) -> Vec<String> {
    let mut gaps = vec![
        "objects that were allocated before, in bulk (kmem_cache_alloc_bulk) or without locks \
         (kmalloc_nolock) are not seen: no tracepoint reports these"
            .to_owned(),
        "frees without a tracepoint (kfree_nolock) are not seen, and leave an object alive here"
            .to_owned(),
    ];
    let untracked = sum(callers, |site| site.untracked_total);
    if untracked > 0 {
        gaps.push(format!(
            "{} could not be followed to their frees, since {} were alive, and are not among those \
             alive",
            units::things(untracked, "object"),
            units::count(Some(callers.most_objects)),
        ));
    }
    let unseen = sum(callers, |site| site.unseen_free_total);
    if unseen > 0 {
        gaps.push(format!(
            "{} not seen: their addresses were allocated again, so others of those alive may be \
             freed, too",
            match unseen {
                1 => "1 free was".to_owned(),
                _ => format!("{} frees were", units::count(Some(unseen))),
            }
        ));
    }
    gaps.extend(losses(snapshot));
    if callers.sites.iter().any(|site| site.call_site.is_none()) {
        gaps.push("some call sites have no symbol near".to_owned());
    }
    if callers.is_gone {
        gaps.push(
            "the cache was destroyed meanwhile: later objects may be those of another cache"
                .to_owned(),
        );
    }
    gaps
}

/// One line for each kind of loss that call sites may miss events by.
fn losses(snapshot: &Snapshot) -> Vec<String> {
    let of = |place: &str| snapshot.losses.iter().find(|loss| loss.place == place);
    let mut lines = Vec::new();
    for (place, one, why) in [
        (
            "caller_map",
            "allocation",
            "not counted: there are too many call sites",
        ),
        (
            "slab_bulk",
            "object",
            "not looked at: too many were freed at once",
        ),
        ("missed_runs", "run", "skipped, of programs on tracepoints"),
        (
            "missed_kprobe_runs",
            "run",
            "skipped, of programs on kprobes",
        ),
    ] {
        match of(place).map(|loss| loss.lost_total) {
            None | Some(Some(0)) => {}
            Some(Some(lost)) => lines.push(format!("{} {why}", units::things(lost, one))),
            Some(None) => lines.push(format!("it is not known how many {one}s were {why}")),
        }
    }
    lines
}

fn table(callers: &Callers, top: usize) -> Table {
    let columns = [
        figure("alive_objects"),
        figure("alive_bytes"),
        figure("allocated_objects"),
        figure("freed_objects"),
        figure("call_site"),
    ];
    let rows = callers.sites.iter().take(top);
    let rows: Vec<_> = rows.map(|site| SlabCaller::of(callers, site)).collect();
    Table::of(&columns, &rows, callers.sites.len().saturating_sub(top))
}

/// Stacks of the first call sites; an indented line belongs to the one before.
fn stacks(callers: &Callers, top: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let sites = callers.sites.iter().take(top.min(MAX_SITES));
    for site in sites.filter(|site| site.alive() > 0 && !site.stacks.is_empty()) {
        let name = site.call_site.as_deref().unwrap_or(units::UNKNOWN);
        if lines.is_empty() {
            lines.push(String::new());
            lines.push(format!(
                "stacks are samples: of the first {0} allocations of a call site, and of one in \
                 {0} later",
                callers.stack_every
            ));
        }
        lines.push(format!("{}:", sanitized(name)));
        for stack in site.stacks.iter().take(MAX_STACKS) {
            let functions = stack.functions.iter().map(|function| sanitized(function));
            let functions: Vec<_> = functions.collect();
            lines.push(format!(
                "  {} of {} alive: {}",
                stack.alive(),
                units::things(stack.alloc_total, "sample"),
                functions.join(" < ")
            ));
        }
    }
    lines
}
