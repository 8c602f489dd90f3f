//! The contents of a cache of dentries or inodes, for people.

use std::cmp::Reverse;

use super::table::{Columns, Row, Style, Table};
use super::{fit, names, slab, text};
use crate::model::snapshot::{CacheContents, ContentsRow, Snapshot};
use crate::sample::recording::Host;
use crate::sample::slab_inside::{InsideParent, ObjectKind, States};
use crate::units;

/// Shown instead of a path for objects that are in no directory.
const NOWHERE: &str = "(in no directory)";

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
    let uncounted = contents.rows.iter().map(|row| row.uncounted_objects);
    let uncounted = uncounted.fold(0, u64::saturating_add);
    let line = |objects: u64, what: &str| {
        (objects > 0).then(|| format!("{} {what}", units::things(objects, "object")))
    };
    let unread = line(
        contents.unread_objects,
        "changed during the look, not counted",
    );
    let uncounted = line(
        uncounted,
        "in more directories than are counted, and in no row of these",
    );
    unread.into_iter().chain(uncounted).collect()
}

/// The figures of some objects, in the order of the columns.
fn figures(contents: &CacheContents, states: &States) -> Vec<String> {
    let third = match contents.kind {
        ObjectKind::Inode => states.dirty,
        ObjectKind::Dentry | ObjectKind::Unknown => states.negative,
    };
    let counts = [states.in_use, states.unused, third, states.dying];
    let mut cells = vec![
        units::count(Some(states.objects())),
        units::bytes(Some(contents.bytes(states.objects()))),
    ];
    cells.extend(counts.map(|count| units::count(Some(count))));
    cells
}

fn row_table(contents: &CacheContents, top: usize) -> Table {
    let rows = contents.rows.iter().take(top).map(|row| {
        let mut cells = vec![
            owner(row),
            row.fs
                .as_ref()
                .map_or_else(|| units::UNKNOWN.to_owned(), |fs| fs.display().into_owned()),
            row.dev.clone().unwrap_or_else(|| units::UNKNOWN.to_owned()),
        ];
        cells.extend(figures(contents, &row.states));
        plain(cells)
    });
    let columns: Columns<'_> = match contents.kind {
        ObjectKind::Inode => &[
            ("MEMCG", false),
            ("FS", false),
            ("DEV", false),
            ("INODES", true),
            ("BYTES", true),
            ("IN USE", true),
            ("UNUSED", true),
            ("DIRTY", true),
            ("DYING", true),
        ],
        ObjectKind::Dentry | ObjectKind::Unknown => &[
            ("MEMCG", false),
            ("FS", false),
            ("DEV", false),
            ("DENTRIES", true),
            ("BYTES", true),
            ("IN USE", true),
            ("UNUSED", true),
            ("NEGATIVE", true),
            ("DYING", true),
        ],
    };
    Table::new(
        columns,
        rows.collect(),
        contents.rows.len().saturating_sub(top),
    )
}

/// The directories with the most objects, of all memcgs and superblocks.
fn parent_table(contents: &CacheContents, top: usize) -> Table {
    let of_row = |row| {
        let row: &ContentsRow = row;
        row.parents.iter().map(move |parent| (row, parent))
    };
    let mut all: Vec<(&ContentsRow, &InsideParent)> =
        contents.rows.iter().flat_map(of_row).collect();
    all.sort_by_key(|(_, parent)| Reverse(parent.states.objects()));
    let omitted = contents.rows.iter().map(|row| row.parents_omitted);
    let omitted = omitted.fold(0, u64::saturating_add);
    let rows = all.iter().take(top).map(|(row, parent)| {
        let path = parent.path.as_ref();
        let path = path.map_or_else(|| NOWHERE.to_owned(), |path| path.display().into_owned());
        let mut cells = vec![path, owner(row)];
        cells.extend(figures(contents, &parent.states));
        plain(cells)
    });
    let columns: Columns<'_> = match contents.kind {
        ObjectKind::Inode => &[
            ("DIRECTORY", false),
            ("MEMCG", false),
            ("INODES", true),
            ("BYTES", true),
            ("IN USE", true),
            ("UNUSED", true),
            ("DIRTY", true),
            ("DYING", true),
        ],
        ObjectKind::Dentry | ObjectKind::Unknown => &[
            ("DIRECTORY", false),
            ("MEMCG", false),
            ("DENTRIES", true),
            ("BYTES", true),
            ("IN USE", true),
            ("UNUSED", true),
            ("NEGATIVE", true),
            ("DYING", true),
        ],
    };
    Table::new(
        columns,
        rows.collect(),
        all.len().saturating_sub(top) + usize::try_from(omitted).unwrap_or(usize::MAX / 2),
    )
}

fn owner(row: &ContentsRow) -> String {
    if row.is_charged {
        names::path(row.memcg.as_deref())
    } else {
        slab::UNACCOUNTED.to_owned()
    }
}

fn plain(cells: Vec<String>) -> Row {
    Row {
        cells,
        is_marked: false,
    }
}
