//! The tab of locks: waits in progress as trees, and the table of ended waits below. One selection
//! moves through both.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::cursor::{Cursor, first_shown};
use super::detail::Detail;
use super::grid::{Grid, put};
use super::keys::{self, Action, Hint};
use super::lock_stats::{self, COLUMNS};
use super::order::Order;
use super::picture::Picture;
use super::regions::rows_u16;
use super::view::{Effect, Scene, View, draw_empty};
use crate::model::snapshot::{LockStats, Snapshot};
use crate::output::fit;
use crate::output::tree::{self, Line};

/// The tab of locks.
#[derive(Debug)]
pub(super) struct Locks {
    /// The lines of the trees that are shown.
    waits: Vec<Line>,
    order: Order<LockStats>,
    /// The rows of the table.
    stats: Vec<usize>,
    cursor: Cursor,
}

impl Default for Locks {
    fn default() -> Self {
        Self {
            waits: Vec::new(),
            order: Order::by("WAITED", COLUMNS),
            stats: Vec::new(),
            cursor: Cursor::default(),
        }
    }
}

impl View for Locks {
    fn name(&self) -> &'static str {
        "locks"
    }

    fn is_known(&self, snapshot: &Snapshot) -> bool {
        snapshot.lock_waits.is_known() || snapshot.waits.is_known()
    }

    fn refresh(&mut self, scene: &Scene<'_>) {
        let filter = scene.filter.text.as_str();
        self.waits = tree::lines(scene.snapshot);
        self.waits
            .retain(|line| filter.is_empty() || line.text.to_lowercase().contains(filter));
        let items = &scene.snapshot.lock_stats.items;
        self.stats = self.order.rows(items, scene.filter, |lock| {
            filter.is_empty() || lock_stats::matches(lock, filter)
        });
        let waits = self.waits.iter().map(|line| line.identity);
        let stats = self.stats.iter().map(|at| &items[*at]);
        self.cursor
            .update(waits.chain(stats.map(lock_stats::identity)).collect());
    }

    fn on(&mut self, action: Action, _: &Scene<'_>, page: usize) -> Effect {
        match action {
            Action::Open | Action::Ask => Effect::Open(Detail::of_locks()),
            _ if self.order.on(action) => Effect::Refresh,
            _ => {
                self.cursor.on(action, page);
                Effect::Done
            }
        }
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let section = &scene.snapshot.lock_waits;
        let (waits, stats) = (&self.waits, &self.stats);
        if waits.is_empty() && draw_empty(buffer, area, scene, section, !stats.is_empty()) {
            return;
        }
        let wanted = rows_u16(waits.len().max(1)).saturating_add(1);
        let least_below = if stats.is_empty() { 0 } else { area.height / 2 };
        let top_rows = wanted.min(area.height - least_below);
        // An empty line separates the trees from the table.
        let top = Rect {
            height: top_rows.saturating_sub(1).max(1),
            ..area
        };
        let below = Rect {
            y: area.y + top_rows,
            height: area.height - top_rows,
            ..area
        };
        let selected = self.cursor.selected();
        if waits.is_empty() {
            put(buffer, top, 0, "no waits", scene.theme.faint());
        } else {
            let selected = selected.filter(|at| *at < waits.len());
            self.draw_trees(buffer, top, scene, selected);
        }
        if !stats.is_empty() {
            let selected = selected.and_then(|at| at.checked_sub(waits.len()));
            let items = &scene.snapshot.lock_stats.items;
            Grid::of(&self.order, items, stats, selected).draw(buffer, below, scene.theme);
        }
    }

    fn picture_rows(&self) -> u16 {
        3
    }

    fn pictures(&self, scene: &Scene<'_>) -> Vec<Picture> {
        let items = &scene.snapshot.lock_stats.items;
        let at = self.cursor.selected().unwrap_or(0);
        let at = at.saturating_sub(self.waits.len());
        let lock = self.stats.get(at).and_then(|at| items.get(*at));
        let pictures = lock.map(|lock| {
            let max_ns = (lock.waits_total > 0).then_some(lock.max_ns);
            vec![
                Picture::histogram("its waits", &lock.classes),
                Picture::percentiles("", [lock.p50_ns, lock.p99_ns, max_ns]),
            ]
        });
        pictures.unwrap_or_default()
    }

    fn json(&self, scene: &Scene<'_>) -> Option<String> {
        let at = self.cursor.selected()?.checked_sub(self.waits.len())?;
        let items = &scene.snapshot.lock_stats.items;
        self.order.json(items.get(*self.stats.get(at)?)?)
    }

    fn hints(&self) -> &'static [Hint] {
        const OPEN: Hint = (&[Action::Open], "all about it");
        &[keys::FILTER, keys::SORT, OPEN]
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        self.order.meanings()
    }
}

impl Locks {
    fn draw_trees(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        scene: &Scene<'_>,
        selected: Option<usize>,
    ) {
        let height = usize::from(area.height);
        let first = first_shown(selected.unwrap_or(0), self.waits.len(), height);
        let columns = usize::from(area.width);
        let visible = self.waits.iter().enumerate().skip(first);
        for (y, (at, line)) in (0..area.height).zip(visible) {
            let style = match (selected == Some(at), line.is_alarm) {
                (true, _) => scene.theme.selected(),
                (false, true) => scene.theme.alarm(),
                (false, false) => Style::new(),
            };
            let text = fit::pad(&fit::cut_line(&line.text, columns), columns, false);
            put(buffer, area, y, &text, style);
        }
    }
}
