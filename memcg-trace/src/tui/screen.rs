//! Drawing of the whole screen.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::App;
use super::grid::put;
use super::header;
use super::help;
use super::keys::{self, Action, Hint};
use super::picture;
use super::regions::Regions;
use super::tab_bar;
use super::view::Scene;
use crate::output::{fit, summary};
use crate::sample::sanitized;

pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let regions = app.regions(frame.area());
    let buffer = frame.buffer_mut();
    header::draw(buffer, regions.header, app);
    tab_bar::draw(buffer, regions.tabs, app);
    draw_body(buffer, regions, app);
    draw_footer(buffer, regions.footer, app);
}

fn draw_body(buffer: &mut Buffer, regions: Regions, app: &App) {
    let area = regions.body;
    if let Some(first) = app.help {
        return help::draw(buffer, area, first, app.view(), app.theme);
    }
    let Some(snapshot) = app.time.shown.as_deref() else {
        let text = "waiting for the first sample";
        return put(buffer, area, 0, text, app.theme.faint());
    };
    if let Some(detail) = &app.detail {
        return detail.draw(buffer, area, snapshot, app.theme);
    }
    let scene = Scene {
        snapshot,
        filter: &app.filter.wanted(),
        theme: app.theme,
        trends: &app.time.trends,
    };
    app.view().draw(buffer, area, &scene);
    if regions.pictures.height > 0 {
        let pictures = app.view().pictures(&scene);
        picture::draw(buffer, regions.pictures, &pictures, app.theme);
    }
}

fn draw_footer(buffer: &mut Buffer, area: Rect, app: &App) {
    let columns = usize::from(area.width);
    let absences = app.time.shown.as_deref().map(summary::absences);
    let room_for_absences = area.height.saturating_sub(1);
    for (y, absence) in (0..room_for_absences).zip(absences.unwrap_or_default()) {
        let absence = fit::cut_end(&absence, columns);
        put(buffer, area, y, &absence, app.theme.faint());
    }
    let hints = match &app.message {
        Some(message) => sanitized(message).into_owned(),
        None => hints(app, columns),
    };
    let hints = fit::cut_end(&hints, columns);
    put(buffer, area, room_for_absences, &hints, app.theme.faint());
}

/// Hints for keys, as many as fit.
fn hints(app: &App, columns: usize) -> String {
    const EVERYWHERE: [Hint; 2] = [(&[Action::Quit], "quit"), (&[Action::Help], "help")];
    const LEAVE: Hint = (&[Action::Back], "leave the help");
    const SCROLL: Hint = (
        &[Action::Up, Action::Down, Action::PageUp, Action::PageDown],
        "scroll",
    );
    const NEXT: Hint = (&[Action::NextTab], "next");
    const PAUSE: Hint = (&[Action::Pause], "pause");
    const KEEP: Hint = (&[Action::Open], "keep the filter");
    const CLEAR: Hint = (&[Action::Back], "clear it");
    const GO: Hint = (&[Action::Open], "go to that time, such as 12:34 or -5m");
    const RESUME: Hint = (&[Action::Pause], "back to now");
    const STEP: Hint = (&[Action::SampleBack, Action::SampleForward], "a sample");
    const MINUTE: Hint = (&[Action::MinuteBack, Action::MinuteForward], "a minute");
    let mut hints = EVERYWHERE.to_vec();
    if app.help.is_some() {
        hints = vec![LEAVE, SCROLL];
    } else if app.filter.is_edited {
        hints = vec![KEEP, CLEAR];
    } else if app.prompt.is_edited {
        hints = vec![GO];
    } else if let Some(detail) = &app.detail {
        hints.extend(detail.hints(app.can_ask()));
    } else {
        hints.push(NEXT);
        hints.extend(app.view().hints());
        match app.time.is_past() {
            true => hints.splice(2..2, [RESUME, STEP, MINUTE]).for_each(drop),
            false => hints.push(PAUSE),
        }
    }
    let mut line = String::new();
    for hint in hints.iter().map(keys::hint) {
        let gap = if line.is_empty() { "" } else { "  " };
        if !line.is_empty() && fit::width(&line) + fit::width(gap) + fit::width(&hint) > columns {
            break;
        }
        line = line + gap + &hint;
    }
    line
}
