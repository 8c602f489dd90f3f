//! Live memory cgroups without tasks, for people.

use std::fmt::Write as _;

use super::table::{Style, Table, figure, titled};
use super::{fit, summary, text};
use crate::model::abandoned::{Class, Empties, Empty, LEAST_AGE_NS, list, not_checked};
use crate::model::snapshot::Snapshot;
use crate::sample::recording::Host;
use crate::sample::sanitized;
use crate::units;

/// Most groups that are described below the table.
const DESCRIBED: usize = 8;

/// Writes groups of empty cgroups, of which the first `shown` were asked for.
#[must_use]
pub fn render(
    snapshot: &Snapshot,
    host: &Host,
    empties: &Empties,
    shown: usize,
    style: Style,
) -> String {
    let mut out = String::new();
    let mut line = |line: &str| fit::push_line(&mut out, line, style.columns);
    line(&text::heading(snapshot, host));
    line(&population(snapshot, empties));
    if let Some(reason) = snapshot.memcgs.reason.as_deref() {
        line(&format!("no memcg figures: {}", sanitized(reason)));
    }
    let uses = snapshot.cgroup_uses.as_deref();
    for reason in not_checked(uses) {
        line(&format!("not checked: {}", sanitized(&reason)));
    }
    let groups = empties.groups.get(..shown).unwrap_or(&empties.groups);
    let columns = [
        titled("EMPTY", "origin"),
        figure("class"),
        figure("cgroups"),
        figure("usage_bytes"),
        figure("slab_bytes"),
        figure("least_age_ns"),
        figure("empty_for"),
    ];
    let left_out = empties.groups.len() - groups.len();
    Table::of(&columns, groups, left_out).write(&mut out, style);
    for group in groups
        .iter()
        .filter(|one| one.class == Class::Abandoned)
        .take(DESCRIBED)
    {
        describe(group, &mut out);
    }
    if groups.iter().any(|one| one.class == Class::Abandoned) {
        let is_abandoned = |one: &&Empty| one.class == Class::Abandoned;
        let below = match groups
            .iter()
            .filter(is_abandoned)
            .all(|one| one.live_below.is_some())
        {
            true => "",
            false => {
                " Whether live cgroups without the memory controller are below them is not known of \
                 all: while there are some, rmdir fails."
            }
        };
        let swap = uses.and_then(|uses| uses.free_swap_bytes);
        let _ = writeln!(
            out,
            "\nrmdir frees a cgroup only if nothing is charged to it any more: what reclaim leaves \
             makes a zombie of it, where the kernel does not charge it to the parent then. Reclaim \
             frees file pages and slab that nobody uses; tmpfs and anonymous pages only go to swap, \
             of which {} is free. Nobody looked for cgroup namespaces, BPF programs or perf events \
             of these cgroups.{below}",
            units::bytes(swap)
        );
    }
    out
}

/// The sentences about all groups of a snapshot, and what was not checked.
#[must_use]
pub fn sentences(snapshot: &Snapshot) -> String {
    let empties = list(snapshot, LEAST_AGE_NS);
    let mut out = format!("{}\n", population(snapshot, &empties));
    for reason in not_checked(snapshot.cgroup_uses.as_deref()) {
        let _ = writeln!(out, "not checked: {}", sanitized(&reason));
    }
    for group in &empties.groups {
        describe(group, &mut out);
    }
    out
}

/// `12 memcgs, 4 zombies; 340 alive but empty, 300 of these abandoned`.
fn population(snapshot: &Snapshot, empties: &Empties) -> String {
    let abandoned = match empties.abandoned {
        Some(count) => format!("{} of these abandoned", units::count(Some(count))),
        None => "not known how many of these are abandoned".to_owned(),
    };
    format!(
        "{}; {} alive but empty, {abandoned}",
        summary::population(snapshot),
        units::count(empties.empty)
    )
}

/// The sentence of a group, and what would free it.
#[must_use]
pub fn one(group: &Empty) -> String {
    let mut out = String::new();
    describe(group, &mut out);
    out.trim_start().to_owned()
}

/// The sentence of a group, and what would free it. Lines are whole: a command is pasted.
fn describe(group: &Empty, out: &mut String) {
    let _ = writeln!(out, "\n{}", group.sentence);
    for command in &group.commands {
        let _ = writeln!(out, "  {command}");
    }
    if group.cgroups > 1 && !group.commands.is_empty() {
        let _ = writeln!(out, "  # the largest; the others likewise");
    }
}
