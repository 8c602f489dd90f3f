//! The help: meanings of the tab's columns, and the table of keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::grid::put;
use super::keys::{self, Action, BINDINGS};
use super::theme::Theme;
use super::view::View;
use crate::output::fit;

/// Notes that are true for every tab.
const NOTES: &[&str] = &[
    "Z marks a zombie: a memcg that is dead, but not released, since somebody refers to it.",
    "- is not known; 0 is counted, none.",
    "LOST is in capitals where a figure may look different for it: from 1 in 1000 events on, and \
     for births, deaths and kills always.",
];

/// A line, and whether it is a heading.
type Line = (String, bool);

/// All lines of the help, wrapped to so many columns.
pub(super) fn lines(view: &dyn View, columns: usize) -> Vec<Line> {
    let heading = |text: &str| (text.to_owned(), true);
    let meanings = view.columns();
    let of_columns = meanings.iter();
    let of_columns = of_columns.map(|(title, meaning)| ((*title).to_owned(), meaning.as_str()));
    let words = view.words().iter();
    let words = words.map(|(word, meaning)| ((*word).to_owned(), *meaning));
    let words = of_columns.chain(words);
    // The tab's own words for a key replace the general ones.
    let own = |action| {
        let hints = view.hints().iter();
        let mut hints = hints.filter(|hint| ![keys::FILTER, keys::SORT].contains(hint));
        hints.find_map(|(actions, words)| (*actions == [action]).then_some(*words))
    };
    // Keys that do nothing on this tab are left out.
    let is_here = |action| match action {
        Action::Open | Action::Turn => own(action).is_some(),
        Action::Sort | Action::Reverse => view.hints().contains(&keys::SORT),
        _ => true,
    };
    let keys = BINDINGS.iter().filter(|key| is_here(key.action));
    let keys = keys.map(|key| (key.label(), own(key.action).unwrap_or(key.help)));
    let mut lines = vec![heading(&view.name().to_uppercase())];
    lines.extend(pairs(&words.collect::<Vec<_>>(), columns));
    lines.extend([(String::new(), false), heading("KEYS")]);
    lines.extend(pairs(&keys.collect::<Vec<_>>(), columns));
    lines.push((String::new(), false));
    let notes = NOTES.iter().flat_map(|note| fit::wrapped(note, columns, 2));
    lines.extend(notes.map(|line| (line, false)));
    lines
}

/// Lines of two columns, of which the second is wrapped.
fn pairs(pairs: &[(String, &str)], columns: usize) -> Vec<Line> {
    let widths = pairs.iter().map(|(label, _)| fit::width(label));
    let width = widths.max().unwrap_or(0);
    let lines = pairs.iter().flat_map(|(label, text)| {
        let line = format!("{}  {text}", fit::pad(label, width, false));
        fit::wrapped(&line, columns, width + 2)
    });
    lines.map(|line| (line, false)).collect()
}

/// Draws the help from the line `first` on.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, first: usize, view: &dyn View, theme: Theme) {
    let lines = lines(view, area.width.into());
    for (y, (line, is_heading)) in (0..area.height).zip(lines.iter().skip(first)) {
        let style = if *is_heading {
            theme.heading()
        } else {
            Style::new()
        };
        put(buffer, area, y, line, style);
    }
}
