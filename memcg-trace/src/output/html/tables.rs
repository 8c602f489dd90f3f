//! Tables of figures.

use maud::{Markup, html};

use crate::output::table::Table;

/// A table under a caption; nothing if it has no rows.
pub(super) fn markup(caption: &str, table: &Table) -> Markup {
    if table.is_empty() {
        return html! {};
    }
    let columns = table.columns();
    html! {
        div class="scroll" role="group" tabindex="0" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for (heading, meaning) in &columns {
                    th scope="col" title=[meaning.as_deref()] class=[figure(heading.is_number)] {
                        (heading.title)
                    }
                } } }
                tbody { @for (cells, is_marked) in table.rows() {
                    tr class=[is_marked.then_some("bad")] {
                        @for (cell, (heading, _)) in cells.iter().zip(&columns) {
                            td class=[figure(heading.is_number)] { (cell) }
                        }
                    }
                } }
            }
        }
        @if table.left_out() > 0 { p class="note" { "and " (table.left_out()) " more" } }
    }
}

fn figure(is_number: bool) -> Option<&'static str> {
    is_number.then_some("figure")
}

/// The meanings of the columns of some tables, each once, in the order in which they are seen.
fn meanings(tables: &[&Table]) -> Vec<(&'static str, String)> {
    let mut all: Vec<(&'static str, String)> = Vec::new();
    let filled = tables.iter().filter(|table| !table.is_empty());
    for (heading, meaning) in filled.flat_map(|table| table.columns()) {
        let meaning = meaning.map(|meaning| (heading.title, meaning));
        all.extend(meaning.filter(|one| !all.contains(one)));
    }
    all
}

/// The same as a list, for those who cannot point at a heading.
pub(super) fn glossary(tables: &[&Table]) -> Markup {
    let all = meanings(tables);
    html! {
        @if !all.is_empty() {
            details {
                summary { "What the columns mean" }
                dl { @for (title, meaning) in &all { dt { (title) } dd { (meaning) } } }
            }
        }
    }
}
