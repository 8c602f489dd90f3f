//! The contents of a cache of dentries or inodes, for people.

use std::cmp::Reverse;

use super::records::{Parent, SlabInside};
use super::table::{Shows, Style, Table, figure, titled};
use super::{fit, known, text};
use crate::model::known::About;
use crate::model::snapshot::{CacheContents, Snapshot};
use crate::sample::recording::Host;
use crate::sample::slab_inside::ObjectKind;
use crate::units;

/// Writes the contents of a cache; `top` rows of each table.
#[must_use]
pub fn render(
    snapshot: &Snapshot,
    contents: &CacheContents,
    top: usize,
    host: &Host,
    style: Style,
) -> String {
    let mut text = String::new();
    let section = &snapshot.slab_inside;
    let age = section
        .as_of_ns
        .map(|at| snapshot.mono_ns.saturating_sub(at));
    let coverage = format!(
        "walk: {} in {}, {} ago",
        units::things_known(section.visited, "object"),
        units::duration(section.took_ns),
        units::duration(age),
    );
    let lines = [text::heading(snapshot, host), verdict(contents), coverage];
    for line in lines.into_iter().chain(gaps(contents)) {
        fit::push_line(&mut text, &line, style.columns);
    }
    row_table(contents, top).write(&mut text, style);
    parent_table(contents, top).write(&mut text, style);
    text += &known::seen(snapshot, About::Caches, style);
    text
}

/// Counts of objects, in one line.
fn verdict(contents: &CacheContents) -> String {
    let states = contents.states();
    let (what, third) = match contents.kind {
        ObjectKind::Dentry => ("dentry", ("negative", states.negative)),
        ObjectKind::Inode => ("inode", ("dirty", states.dirty)),
        ObjectKind::Unknown => ("object", ("unknown", 0)),
    };
    format!(
        "{}: {}, {}: {} in use, {} unused, {} {}, {} dying",
        contents.cache.display(),
        units::things(states.objects(), what),
        units::bytes(Some(contents.bytes(states.objects()))),
        units::count(Some(states.in_use)),
        units::count(Some(states.unused)),
        units::count(Some(third.1)),
        third.0,
        units::count(Some(states.dying)),
    )
}

/// One line for each thing that the walk could not check.
#[must_use]
pub fn gaps(contents: &CacheContents) -> Vec<String> {
    let uncounted = (contents.rows.iter()).map(|row| row.found.uncounted_objects);
    let uncounted = uncounted.fold(0, u64::saturating_add);
    let line = |objects: u64, what: &str| {
        (objects > 0).then(|| format!("{} {what}", units::things(objects, "object")))
    };
    let unread = line(contents.unread_objects, "could not be read, not counted");
    let uncounted = line(
        uncounted,
        "in more directories than are counted, and in no row of these",
    );
    unread.into_iter().chain(uncounted).collect()
}

/// Columns of the counts of a kind of object.
fn counts(kind: ObjectKind) -> Vec<Shows> {
    let (objects, third) = match kind {
        ObjectKind::Dentry => (titled("DENTRIES", "objects"), Some("negative_objects")),
        ObjectKind::Inode => (titled("INODES", "objects"), Some("dirty_objects")),
        ObjectKind::Unknown => (figure("objects"), None),
    };
    let mut columns = vec![
        objects,
        figure("bytes"),
        figure("in_use_objects"),
        figure("unused_objects"),
    ];
    columns.extend(third.map(figure));
    columns.push(figure("dying_objects"));
    columns
}

fn row_table(contents: &CacheContents, top: usize) -> Table {
    let mut columns = vec![figure("owner"), figure("fs"), figure("dev")];
    columns.extend(counts(contents.kind));
    let rows = contents.rows.iter().take(top);
    let rows: Vec<_> = rows.map(|row| SlabInside::of(contents, row)).collect();
    Table::of(&columns, &rows, contents.rows.len().saturating_sub(top))
}

/// The directories with the most objects, of all memcgs and superblocks.
fn parent_table(contents: &CacheContents, top: usize) -> Table {
    let mut columns = vec![figure("directory"), figure("owner")];
    columns.extend(counts(contents.kind));
    let omitted = contents.rows.iter().map(|row| row.found.parents_omitted);
    let omitted = omitted.fold(0, u64::saturating_add);
    let mut all: Vec<_> = (contents.rows.iter())
        .flat_map(|row| row.found.parents.iter().map(move |parent| (row, parent)))
        .collect();
    all.sort_by_key(|(_, parent)| Reverse(parent.states.objects()));
    let rows = all.iter().take(top);
    let rows: Vec<_> = rows
        .map(|(row, parent)| Parent::of(contents, row, parent))
        .collect();
    let left_out = all.len().saturating_sub(top);
    let omitted = usize::try_from(omitted).unwrap_or(usize::MAX / 2);
    Table::of(&columns, &rows, left_out + omitted)
}
