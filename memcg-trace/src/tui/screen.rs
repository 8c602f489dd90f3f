//! Where everything is on the screen.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::app::App;
use super::columns::Column;
use super::grid::{Grid, put};
use super::slab_view::{CACHES, SlabView};
use super::tab::Tab;
use super::tables::{draw_empty, plain_grid, rows_u16};
use super::{findings, help, memcgs, reclaim, shrinkers, slab, trees, zombies};
use crate::model::snapshot::{Finding, LockWait, Memcg, Section, Severity, Snapshot};
use crate::output::{fit, summary};
use crate::sample::tame;
use crate::units;

/// Rows of the header without news.
const HEADER_ROWS: u16 = 3;
/// Below this many rows the footer is one line.
const TALL: u16 = 16;
/// Waits that last longer than this are shown as an alarm.
const LONG_WAIT_NS: u64 = 1_000_000_000;

/// Draws the screen.
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    let absences = app
        .snapshot
        .as_deref()
        .map(summary::absences)
        .unwrap_or_default();
    let footer_rows = if area.height < TALL {
        1
    } else {
        1 + rows_u16(absences.len())
    };
    let news = app.news();
    let header_rows = HEADER_ROWS.saturating_add(rows_u16(news.len()));
    let [header, tabs, body, footer] = split(area, [header_rows, 1, 0, footer_rows]);
    draw_header(buffer, header, app);
    for (y, (line, style)) in (HEADER_ROWS..).zip(news) {
        let columns = usize::from(area.width);
        let line = fit::pad(&fit::cut_end(&line, columns), columns, false);
        put(buffer, header, y, &line, style);
    }
    draw_tabs(buffer, tabs, app);
    match (&app.snapshot, app.help) {
        (_, Some(first)) => help::draw(buffer, body, first, app.theme),
        (Some(snapshot), None) => match &app.detail {
            Some(detail) => detail.draw(buffer, body, snapshot, app.theme),
            None => draw_table(buffer, body, app, snapshot),
        },
        (None, None) => put(
            buffer,
            body,
            0,
            "waiting for the first sample",
            app.theme.faint(),
        ),
    }
    draw_footer(buffer, footer, app, &absences);
}

/// Cuts an area into strips from the top; that of height 0 gets what the others leave.
fn split<const N: usize>(area: Rect, heights: [u16; N]) -> [Rect; N] {
    let fixed = heights
        .iter()
        .fold(0, |sum: u16, height| sum.saturating_add(*height));
    let rest = area.height.saturating_sub(fixed);
    let mut y = area.y;
    heights.map(|height| {
        let left = area.bottom().saturating_sub(y);
        let height = if height == 0 { rest } else { height }.min(left);
        let strip = Rect { y, height, ..area };
        y += height;
        strip
    })
}

fn draw_header(buffer: &mut Buffer, area: Rect, app: &App) {
    let theme = app.theme;
    let host = &app.setup.host;
    let name = format!("memcg-trace {}", host.host.display());
    let kernel = match host.kernel.is_empty() {
        true => String::new(),
        false => format!("  kernel {}", host.kernel.display()),
    };
    let columns = usize::from(area.width);
    let Some(snapshot) = &app.snapshot else {
        let title = fit::cut_end(&(name + &kernel), columns);
        put(buffer, area, 0, &title, theme.title());
        return;
    };
    let lost = summary::lost(snapshot);
    let lost_style = match snapshot.has_lost_much() {
        true => theme.alarm(),
        false => Style::new(),
    };
    let since = app
        .first_ns
        .map(|first_ns| snapshot.mono_ns.saturating_sub(first_ns));
    let watched = match app.setup.is_replay {
        true => format!("  {} into it", units::duration(since)),
        false => format!("  watching for {}", units::duration(since)),
    };
    let every = format!("  every {}", units::duration(snapshot.interval_ns));
    // What there is no room for goes whole, the least first.
    let titles = [
        format!("{name}{kernel}{watched}{every}"),
        format!("{name}{kernel}{watched}"),
        format!("{name}{watched}"),
    ];
    let room = columns.saturating_sub(fit::width(&lost) + 1);
    let fitting = titles.iter().find(|title| fit::width(title) <= room);
    let title = fitting.unwrap_or(&titles[2]);
    split_line(buffer, area, 0, (title, theme.title()), (&lost, lost_style));

    let state = match (app.is_paused, app.has_ended, app.setup.is_replay) {
        (true, _, _) => "PAUSED",
        (false, true, _) => "END",
        (false, false, true) => "replay",
        (false, false, false) => "",
    };
    let population = summary::population(snapshot);
    split_line(
        buffer,
        area,
        1,
        (&population, Style::new()),
        (state, theme.title()),
    );

    let waits = &snapshot.lock_waits.items;
    let is_long = |wait: &LockWait| wait.waited_ns >= LONG_WAIT_NS && !wait.unconfirmed;
    let is_long = waits.iter().any(is_long);
    let style = if is_long { theme.alarm() } else { Style::new() };
    let tax = match app.tab {
        Tab::Zombies if !is_long => summary::tax(snapshot),
        _ => None,
    };
    let line = tax.unwrap_or_else(|| summary::longest_wait(snapshot));
    let line = fit::cut_end(&line, usize::from(area.width));
    put(buffer, area, 2, &line, style);
}

/// Two texts on one line. The right one is always whole.
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

fn draw_tabs(buffer: &mut Buffer, area: Rect, app: &App) {
    let mut x = 0;
    for tab in Tab::ALL {
        let (name, style) = if tab == app.tab {
            let name = match tab {
                Tab::Slab => app.slab_view.name(),
                tab => tab.name().to_owned(),
            };
            (format!("[{name}]"), app.theme.selected())
        } else if app
            .snapshot
            .as_ref()
            .is_some_and(|snapshot| !is_known(tab, snapshot))
        {
            (format!(" {} ", tab.name()), app.theme.faint())
        } else {
            (format!(" {} ", tab.name()), Style::new())
        };
        let rest = Rect {
            x: area.x + x,
            width: area.width.saturating_sub(x),
            ..area
        };
        put(buffer, rest, 0, &name, style);
        x = x
            .saturating_add(rows_u16(fit::width(&name)))
            .min(area.width);
    }
    if app.filter.is_edited || !app.filter.text.is_empty() {
        let cursor = if app.filter.is_edited { "_" } else { "" };
        let filter = format!("  /{}{cursor}", tame(&app.filter.text));
        let rest = Rect {
            x: area.x + x,
            width: area.width.saturating_sub(x),
            ..area
        };
        put(buffer, rest, 0, &filter, app.theme.title());
    }
}

fn is_known(tab: Tab, snapshot: &Snapshot) -> bool {
    match tab {
        Tab::Memcgs | Tab::Zombies => snapshot.memcgs.is_known(),
        Tab::Slab => snapshot.slab.is_known(),
        Tab::Shrinkers => snapshot.shrinkers.is_known(),
        Tab::Reclaim => snapshot.reclaim.is_known(),
        Tab::Locks => snapshot.lock_waits.is_known() || snapshot.waits.is_known(),
        Tab::Findings => snapshot.findings.is_known(),
    }
}

fn draw_footer(buffer: &mut Buffer, area: Rect, app: &App, absences: &[String]) {
    let columns = usize::from(area.width);
    let room_for_absences = area.height.saturating_sub(1);
    for (y, absence) in (0..room_for_absences).zip(absences) {
        put(
            buffer,
            area,
            y,
            &fit::cut_end(absence, columns),
            app.theme.faint(),
        );
    }
    let hints = if app.filter.is_edited {
        "Enter keep the filter  Esc clear it"
    } else if app.detail.is_some() {
        "q quit  ? help  Esc back  r ask anew  Up Down scroll"
    } else if app.tab == Tab::Findings {
        "q quit  ? help  Tab next  / filter  s sort  Enter all figures  Space pause"
    } else if app.tab == Tab::Zombies {
        "q quit  ? help  Tab next  / filter  s sort  Enter who pins it  Space pause"
    } else if app.tab == Tab::Locks {
        "q quit  ? help  Tab next  / filter  s sort  Enter all about it  Space pause"
    } else if app.tab == Tab::Slab && app.slab_view == SlabView::Caches {
        "q quit  ? help  Tab next  / filter  s sort  Enter who has it  c memcgs"
    } else if app.tab == Tab::Slab {
        "q quit  ? help  Tab next  / filter  s sort  c caches  Space pause"
    } else {
        "q quit  ? help  Tab next  / filter  s sort  Space pause"
    };
    let y = area.height.saturating_sub(1);
    put(
        buffer,
        area,
        y,
        &fit::cut_end(hints, columns),
        app.theme.faint(),
    );
}

fn draw_table(buffer: &mut Buffer, area: Rect, app: &App, snapshot: &Snapshot) {
    match app.tab {
        Tab::Memcgs => draw_memcgs(buffer, area, app, &snapshot.memcgs),
        Tab::Zombies => draw_zombies(buffer, area, app, &snapshot.memcgs),
        Tab::Slab if app.slab_view == SlabView::Caches => {
            draw_section(buffer, area, app, CACHES, &snapshot.slab_caches);
        }
        Tab::Slab => draw_section(buffer, area, app, slab::COLUMNS, &snapshot.slab),
        Tab::Shrinkers => {
            draw_section(buffer, area, app, shrinkers::COLUMNS, &snapshot.shrinkers);
        }
        Tab::Reclaim => draw_section(buffer, area, app, reclaim::COLUMNS, &snapshot.reclaim),
        Tab::Locks => trees::draw(buffer, area, app, snapshot),
        Tab::Findings => draw_findings(buffer, area, app, &snapshot.findings),
    }
}

fn draw_memcgs(buffer: &mut Buffer, area: Rect, app: &App, section: &Section<Memcg>) {
    if draw_empty(buffer, area, app, section) {
        return;
    }
    let is_tree = memcgs::is_tree(app.list(), &app.filter.text);
    let first = |memcg: &Memcg, columns: usize| match is_tree {
        true => memcgs::tree_cell(memcg, columns, &app.folded),
        false => memcgs::flat_cell(memcg, columns),
    };
    let style = |memcg: &Memcg| match memcg.phase {
        Some(_) => app.theme.zombie(),
        None => Style::new(),
    };
    let grid = Grid {
        columns: memcgs::COLUMNS,
        items: &section.items,
        rows: &app.rows.main,
        selected: app.list().selected(),
        sort: (app.list().sort, app.list().reverse),
        first: Some(&first),
        style: Some(&style),
    };
    grid.draw(buffer, area, app.theme);
}

fn draw_zombies(buffer: &mut Buffer, area: Rect, app: &App, section: &Section<Memcg>) {
    if !draw_empty(buffer, area, app, section) {
        let (rows, selected) = (&app.rows.main, app.list().selected());
        plain_grid(app, zombies::COLUMNS, &app.zombies, rows, selected)
            .draw(buffer, area, app.theme);
    }
}

fn draw_findings(buffer: &mut Buffer, area: Rect, app: &App, section: &Section<Finding>) {
    if draw_empty(buffer, area, app, section) {
        return;
    }
    let first = |row: &findings::Row, columns: usize| fit::cut_end(&row.finding.sentence, columns);
    let style = |row: &findings::Row| match (row.finding.resolved, row.finding.severity) {
        (true, _) => app.theme.faint(),
        (false, Severity::Critical) => app.theme.alarm(),
        (false, _) => Style::new(),
    };
    let (rows, selected) = (&app.rows.main, app.list().selected());
    let grid = Grid {
        first: Some(&first),
        style: Some(&style),
        ..plain_grid(app, findings::COLUMNS, &app.findings, rows, selected)
    };
    grid.draw(buffer, area, app.theme);
}

fn draw_section<T>(
    buffer: &mut Buffer,
    area: Rect,
    app: &App,
    columns: &[Column<T>],
    section: &Section<T>,
) {
    if draw_empty(buffer, area, app, section) {
        return;
    }
    plain_grid(
        app,
        columns,
        &section.items,
        &app.rows.main,
        app.list().selected(),
    )
    .draw(buffer, area, app.theme);
}
