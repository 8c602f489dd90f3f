//! The tab of slab: objects by memcg and cache, all caches, and the memcgs of one cache.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::columns::Column;
use super::keys::{self, Action, Hint};
use super::picture::Picture;
use super::slab;
use super::slab_pictures;
use super::table::Table;
use super::view::{Effect, Scene, View, draw_empty};
use crate::model::snapshot::slab::part;
use crate::model::snapshot::{Slab, SlabCache, Snapshot};
use crate::sample::Text;

/// The heading of the bars beside the rows.
const BARS: &str = "OF SLABS";

/// The table on the tab.
#[derive(Debug)]
enum Shown {
    /// A row for each memcg and cache.
    Rows,
    /// A row for each cache.
    Caches,
    /// The memcgs that have objects of one cache, by its key and name.
    Of(u64, Arc<Text>),
}

/// The tab of slab.
#[derive(Debug)]
pub(super) struct Slabs {
    shown: Shown,
    rows: Table<Slab>,
    caches: Table<SlabCache>,
    of: Table<Slab>,
}

impl Default for Slabs {
    fn default() -> Self {
        Self {
            shown: Shown::Rows,
            rows: Table::by("ALLOC/S", slab::COLUMNS),
            caches: Table::by("SLAB", CACHES),
            of: Table::by("SLAB", slab::COLUMNS),
        }
    }
}

impl View for Slabs {
    fn name(&self) -> &'static str {
        "slab"
    }

    fn title(&self) -> String {
        match &self.shown {
            Shown::Rows => "slab".to_owned(),
            Shown::Caches => "slab: caches".to_owned(),
            Shown::Of(_, name) => format!("slab: who has {}", name.display()),
        }
    }

    fn is_known(&self, snapshot: &Snapshot) -> bool {
        snapshot.slab.is_known()
    }

    fn refresh(&mut self, scene: &Scene<'_>) {
        let is_shown =
            |row: &Slab| scene.filter.text.is_empty() || slab::matches(row, &scene.filter.text);
        let items = &scene.snapshot.slab.items;
        match &self.shown {
            Shown::Rows => self
                .rows
                .refresh(items, scene.filter, is_shown, slab::identity),
            Shown::Of(key, _) => {
                let is_shown = |row: &Slab| row.cache_key == *key && is_shown(row);
                self.of
                    .refresh(items, scene.filter, is_shown, slab::identity);
            }
            Shown::Caches => {
                let is_shown = |cache: &SlabCache| {
                    let name = cache.name.display().to_lowercase();
                    name.contains(&scene.filter.text)
                };
                let items = &scene.snapshot.slab_caches.items;
                self.caches
                    .refresh(items, scene.filter, is_shown, |row| row.walked.cache);
            }
        }
    }

    fn on(&mut self, action: Action, scene: &Scene<'_>, page: usize) -> Effect {
        match (action, &self.shown) {
            (Action::Turn, Shown::Rows) | (Action::Back, Shown::Of(..)) => self.show(Shown::Caches),
            (Action::Turn, _) => self.show(Shown::Rows),
            (Action::Open, Shown::Caches) => self.open(&scene.snapshot.slab_caches.items),
            (_, Shown::Rows) => self.rows.on(action, page),
            (_, Shown::Caches) => self.caches.on(action, page),
            (_, Shown::Of(..)) => self.of.on(action, page),
        }
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let (slab, caches) = (&scene.snapshot.slab, &scene.snapshot.slab_caches);
        let all_bytes = slab_pictures::all_bytes(&caches.items);
        if let Shown::Caches = self.shown {
            if !draw_empty(buffer, area, scene, caches, !self.caches.is_empty()) {
                let part = |cache: &SlabCache| part(cache.slab_bytes(), all_bytes);
                let grid = self.caches.grid(&caches.items);
                grid.with_bars((BARS, &part))
                    .draw(buffer, area, scene.theme);
            }
            return;
        }
        let table = match self.shown {
            Shown::Of(..) => &self.of,
            Shown::Rows | Shown::Caches => &self.rows,
        };
        if !draw_empty(buffer, area, scene, slab, !table.is_empty()) {
            let part = |row: &Slab| part(row.share_bytes()?, all_bytes);
            let mut grid = table.grid(&slab.items);
            // Without a walk there are no shares.
            if all_bytes > 0 {
                grid = grid.with_bars((BARS, &part));
            }
            grid.draw(buffer, area, scene.theme);
        }
    }

    fn picture_rows(&self) -> u16 {
        match self.shown {
            Shown::Caches => 3,
            Shown::Rows | Shown::Of(..) => 4,
        }
    }

    fn pictures(&self, scene: &Scene<'_>) -> Vec<Picture> {
        let caches = &scene.snapshot.slab_caches.items;
        match self.shown {
            Shown::Caches => {
                let cache = self.caches.selected().and_then(|at| caches.get(at));
                cache.map(|cache| slab_pictures::of_cache(cache, caches))
            }
            Shown::Rows | Shown::Of(..) => {
                let row = self.selected(&scene.snapshot.slab.items);
                row.map(|row| slab_pictures::of_row(row, &scene.trends.slab, caches))
            }
        }
        .unwrap_or_default()
    }

    fn json(&self, scene: &Scene<'_>) -> Option<String> {
        let (slab, caches) = (&scene.snapshot.slab, &scene.snapshot.slab_caches);
        match self.shown {
            Shown::Rows => self.rows.json(&slab.items),
            Shown::Caches => self.caches.json(&caches.items),
            Shown::Of(..) => self.of.json(&slab.items),
        }
    }

    fn click(&mut self, line: usize, height: usize) {
        match self.shown {
            Shown::Rows => self.rows.click(line, height),
            Shown::Caches => self.caches.click(line, height),
            Shown::Of(..) => self.of.click(line, height),
        }
    }

    fn hints(&self) -> &'static [Hint] {
        const TO_CACHES: Hint = (&[Action::Turn], "caches");
        const TO_ROWS: Hint = (&[Action::Turn], "memcgs");
        const OPEN: Hint = (&[Action::Open], "who has it");
        match self.shown {
            Shown::Rows => &[keys::FILTER, keys::SORT, TO_CACHES],
            Shown::Caches => &[keys::FILTER, keys::SORT, OPEN, TO_ROWS],
            Shown::Of(..) => &[keys::FILTER, keys::SORT, TO_ROWS],
        }
    }

    fn columns(&self) -> Vec<(&'static str, String)> {
        let mut meanings = match self.shown {
            Shown::Caches => self.caches.order.meanings(),
            Shown::Rows | Shown::Of(..) => self.rows.order.meanings(),
        };
        let bars = "Its part of the memory of all slabs, as a bar; after a walk.";
        meanings.push((BARS, bars.to_owned()));
        meanings
    }
}

impl Slabs {
    /// The selected row of a memcg and a cache.
    fn selected<'a>(&self, items: &'a [Slab]) -> Option<&'a Slab> {
        let table = match self.shown {
            Shown::Rows => &self.rows,
            Shown::Of(..) => &self.of,
            Shown::Caches => return None,
        };
        items.get(table.selected()?)
    }

    /// Shows another table.
    fn show(&mut self, shown: Shown) -> Effect {
        self.shown = shown;
        Effect::Refresh
    }

    /// Shows the memcgs that have objects of the selected cache.
    fn open(&mut self, caches: &[SlabCache]) -> Effect {
        let cache = self.caches.selected().and_then(|at| caches.get(at));
        cache.map_or(Effect::Done, |cache| {
            self.show(Shown::Of(cache.walked.cache, Arc::clone(&cache.name)))
        })
    }
}

const CACHES: &[Column<SlabCache>] = &[
    Column::new("cache", 0, 0),
    Column::new("live_objects", 8, 1),
    Column::new("charged_objects", 8, 6),
    Column::new("unaccounted_objects", 12, 7),
    Column::new("size_bytes", 10, 5),
    Column::new("slab_bytes", 10, 2),
    Column::new("utilization", 5, 3),
    Column::new("freeable_pages", 8, 4),
    Column::new("reclaimable_bytes", 11, 8),
];
