//! The header: the host, and alarms that must be seen on every tab.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::app::App;
use super::grid::put;
use super::regions::HEADER_ROWS;
use crate::model::snapshot::{LockWait, Snapshot};
use crate::output::{fit, summary};
use crate::units;

/// Waits that last longer than this are shown as an alarm.
const LONG_WAIT_NS: u64 = 1_000_000_000;

/// Draws the header, and the alarms below it.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    for (y, (line, style)) in (HEADER_ROWS..).zip(app.news()) {
        let columns = usize::from(area.width);
        let line = fit::pad(&fit::cut_end(&line, columns), columns, false);
        put(buffer, area, y, &line, style);
    }
    let theme = app.theme;
    let host = &app.setup.host;
    let name = format!("memcg-trace {}", host.host.display());
    let kernel = match host.kernel.is_empty() {
        true => String::new(),
        false => format!("  kernel {}", host.kernel.display()),
    };
    let columns = usize::from(area.width);
    let Some(snapshot) = &app.time.shown else {
        let title = fit::cut_end(&(name + &kernel), columns);
        put(buffer, area, 0, &title, theme.title());
        return;
    };
    let lost = summary::lost(snapshot);
    let lost_style = match snapshot.has_lost_much() {
        true => theme.alarm(),
        false => Style::new(),
    };
    let since = app.time.since_ns();
    let since = since.map(|since_ns| snapshot.mono_ns.saturating_sub(since_ns));
    let watched = match app.setup.is_replay {
        true => format!("  {} into it", units::duration(since)),
        false => format!("  watching for {}", units::duration(since)),
    };
    // Without the time that the host was suspended.
    let uptime = format!("  up {}", units::duration(Some(snapshot.mono_ns)));
    let every = format!("  every {}", units::duration(snapshot.interval_ns));
    // A part that does not fit is left out whole, the least important first.
    let titles = [
        format!("{name}{uptime}{kernel}{watched}{every}"),
        format!("{name}{uptime}{kernel}{watched}"),
        format!("{name}{kernel}{watched}"),
        format!("{name}{watched}"),
    ];
    let room = columns.saturating_sub(fit::width(&lost) + 1);
    let fitting = titles.iter().find(|title| fit::width(title) <= room);
    let title = fitting.unwrap_or(&titles[3]);
    split_line(buffer, area, 0, (title, theme.title()), (&lost, lost_style));

    let population = summary::population(snapshot);
    split_line(
        buffer,
        area,
        1,
        (&population, Style::new()),
        (&state(app, snapshot), theme.title()),
    );

    let waits = &snapshot.lock_waits.items;
    let is_long = |wait: &LockWait| wait.waited_ns >= LONG_WAIT_NS && !wait.facts.unconfirmed;
    let is_long = waits.iter().any(is_long);
    let style = if is_long { theme.alarm() } else { Style::new() };
    let headline = app.view().headline(snapshot).filter(|_| !is_long);
    let line = headline.unwrap_or_else(|| summary::longest_wait(snapshot));
    let line = fit::cut_end(&line, usize::from(area.width));
    put(buffer, area, 2, &line, style);
}

/// Says which moment is shown, and how far back the user can go.
fn state(app: &App, snapshot: &Snapshot) -> String {
    let time = &app.time;
    let at = units::clock(snapshot.unix_ns);
    let at = at.split_once(' ').map_or(&*at, |(_, time)| time);
    let reach = time.reach_ns().map(|reach| units::duration(Some(reach)));
    match (time.is_past(), time.is_paused, app.setup.is_replay) {
        (true, _, _) => {
            let behind = units::duration(Some(time.behind_ns()));
            let reach = reach
                .map(|reach| format!(" of {reach}"))
                .unwrap_or_default();
            format!("{at}, {behind}{reach} BACK")
        }
        (false, true, _) => format!("{at} PAUSED"),
        (false, false, true) if time.has_ended => format!("{at} END"),
        (false, false, true) => format!("{at} replay"),
        (false, false, false) => match reach {
            Some(reach) => format!("live, back to {reach} ago"),
            None => "live".to_owned(),
        },
    }
}

/// Two texts on one line. The right one is never cut.
fn split_line(
    buffer: &mut Buffer,
    area: Rect,
    y: u16,
    (left, left_style): (&str, Style),
    (right, right_style): (&str, Style),
) {
    let columns = usize::from(area.width);
    let right_columns = fit::width(right);
    let left_columns = columns.saturating_sub(right_columns + 1);
    put(
        buffer,
        area,
        y,
        &fit::cut_end(left, left_columns),
        left_style,
    );
    let x = columns.saturating_sub(right_columns);
    let x = u16::try_from(x).unwrap_or(area.width);
    let right_area = Rect {
        x: area.x + x,
        width: area.width - x,
        ..area
    };
    put(buffer, right_area, y, right, right_style);
}
