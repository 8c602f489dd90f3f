//! The tab bar, and what the user types beside it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::app::App;
use super::grid::put;
use super::regions::rows_u16;
use crate::output::fit;
use crate::sample::sanitized;

/// A tab in the bar: its index, its text, and its columns.
struct Label {
    at: usize,
    text: String,
    area: Rect,
}

/// The tabs from the first one with which the tab that is shown fits.
fn labels(app: &App, area: Rect) -> Vec<Label> {
    let text = |at: usize| match at == app.shown {
        true => format!("[{}]", app.views[at].title()),
        false => format!(" {} ", app.views[at].name()),
    };
    let width = |at: usize| fit::width(&text(at));
    let room = usize::from(area.width);
    let is_in_sight = |first: &usize| (*first..=app.shown).map(width).sum::<usize>() <= room;
    let first = (0..app.shown).find(is_in_sight).unwrap_or(app.shown);
    let mut x = area.x;
    let labels = (first..app.views.len()).map(|at| {
        let text = text(at);
        let width = rows_u16(fit::width(&text)).min(area.right().saturating_sub(x));
        let area = Rect { x, width, ..area };
        x += width;
        Label { at, text, area }
    });
    labels.collect()
}

/// The tab at a column of the screen.
pub(super) fn tab_at(app: &App, area: Rect, column: u16) -> Option<usize> {
    let labels = labels(app, area).into_iter();
    let mut hit = labels.filter(|label| (label.area.left()..label.area.right()).contains(&column));
    hit.next().map(|label| label.at)
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    let mut end = area.x;
    for label in labels(app, area) {
        let snapshot = app.time.shown.as_deref();
        let is_known = snapshot.is_none_or(|snapshot| app.views[label.at].is_known(snapshot));
        let style = match (label.at == app.shown, is_known) {
            (true, _) => app.theme.selected(),
            (false, false) => app.theme.faint(),
            (false, true) => Style::new(),
        };
        put(buffer, label.area, 0, &label.text, style);
        end = label.area.right();
    }
    let Some(typed) = typed(app) else { return };
    // What is typed is never out of sight.
    let width = rows_u16(fit::width(&typed)).min(area.width);
    let x = end.min(area.right() - width);
    let beside = Rect { x, width, ..area };
    put(buffer, beside, 0, &typed, app.theme.title());
}

/// The filter, or the time that the user types.
fn typed(app: &App) -> Option<String> {
    if app.prompt.is_edited {
        return Some(format!("  :{}_", sanitized(&app.prompt.text)));
    }
    let cursor = if app.filter.is_edited { "_" } else { "" };
    let is_shown = app.filter.is_edited || !app.filter.text.is_empty();
    is_shown.then(|| format!("  /{}{cursor}", sanitized(&app.filter.text)))
}
