//! The help: the key table, as it is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::grid::put;
use super::keys::BINDINGS;
use super::theme::Theme;
use crate::output::fit;

/// What the figures mean, in a few lines.
const NOTES: &[&str] = &[
    "",
    "Z marks a zombie: a memcg that is dead, but not released, since somebody refers to it.",
    "USAGE, SLAB and ZOMBIES of a memcg include all that is below it.",
    "OWN ALLOC/S, OWN FREE/S: its own slab objects, charged and uncharged, of all caches.",
    "- is not known; 0 is counted, none.",
    "LOST is in capitals where a figure may look different for it: from 1 in 1000 events on,",
    "and for births, deaths and kills always.",
];

/// Its lines, without the heading.
pub(super) fn lines() -> Vec<String> {
    let labels: Vec<String> = BINDINGS.iter().map(|binding| binding.label()).collect();
    let widths = labels.iter().map(|label| fit::width(label));
    let columns = widths.max().unwrap_or(0);
    let keys = labels
        .iter()
        .zip(BINDINGS)
        .map(|(label, binding)| format!("{}  {}", fit::pad(label, columns, false), binding.help));
    keys.chain(NOTES.iter().map(|note| (*note).to_owned()))
        .collect()
}

/// Draws it from a line on.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, first: usize, theme: Theme) {
    put(buffer, area, 0, "KEYS", theme.heading());
    for (y, line) in (1..area.height).zip(lines().iter().skip(first)) {
        put(buffer, area, y, line, ratatui::style::Style::new());
    }
}
