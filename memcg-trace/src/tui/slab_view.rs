//! The tab of slab: what memcgs have of caches, what caches are like, and whose the objects of one
//! are.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::columns::{Column, by_rate};
use super::keys::{self, Action, Hint};
use super::slab;
use super::table::Table;
use super::view::{Effect, Scene, View, Word, draw_empty};
use crate::model::snapshot::{Slab, SlabCache, Snapshot};
use crate::output::slab::percent;
use crate::sample::Text;
use crate::units;

/// What is shown.
#[derive(Debug)]
enum Shown {
    /// A row for each memcg and cache.
    Rows,
    /// A row for each cache.
    Caches,
    /// The memcgs that have objects of one cache, by its key and name.
    Of(u64, Arc<Text>),
}

/// The tab.
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
        let is_shown = |row: &Slab| scene.filter.is_empty() || slab::matches(row, scene.filter);
        let items = &scene.snapshot.slab.items;
        match &self.shown {
            Shown::Rows => self.rows.refresh(items, is_shown, slab::identity),
            Shown::Of(key, _) => {
                let is_shown = |row: &Slab| row.cache_key == *key && is_shown(row);
                self.of.refresh(items, is_shown, slab::identity);
            }
            Shown::Caches => {
                let is_shown = |cache: &SlabCache| {
                    let name = cache.name.display().to_lowercase();
                    name.contains(scene.filter)
                };
                let items = &scene.snapshot.slab_caches.items;
                self.caches.refresh(items, is_shown, |row| row.walked.cache);
            }
        }
    }

    fn on(&mut self, action: Action, scene: &Scene<'_>, page: usize) -> Effect {
        match (action, &self.shown) {
            (Action::Turn, Shown::Rows) | (Action::Back, Shown::Of(..)) => self.turn(Shown::Caches),
            (Action::Turn, _) => self.turn(Shown::Rows),
            (Action::Open, Shown::Caches) => self.open(&scene.snapshot.slab_caches.items),
            (_, Shown::Rows) => self.rows.on(action, page),
            (_, Shown::Caches) => self.caches.on(action, page),
            (_, Shown::Of(..)) => self.of.on(action, page),
        }
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let (slab, caches) = (&scene.snapshot.slab, &scene.snapshot.slab_caches);
        if let Shown::Caches = self.shown {
            if !draw_empty(buffer, area, scene, caches, !self.caches.is_empty()) {
                self.caches.draw(buffer, area, &caches.items, scene.theme);
            }
            return;
        }
        let table = match self.shown {
            Shown::Of(..) => &self.of,
            Shown::Rows | Shown::Caches => &self.rows,
        };
        if !draw_empty(buffer, area, scene, slab, !table.is_empty()) {
            table.draw(buffer, area, &slab.items, scene.theme);
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

    fn words(&self) -> &'static [Word] {
        match self.shown {
            Shown::Caches => WORDS,
            Shown::Rows | Shown::Of(..) => slab::WORDS,
        }
    }
}

impl Slabs {
    /// Looks at slab in another way.
    fn turn(&mut self, shown: Shown) -> Effect {
        self.shown = shown;
        Effect::Refresh
    }

    /// Shows who has objects of the cache that is selected.
    fn open(&mut self, caches: &[SlabCache]) -> Effect {
        let cache = self.caches.selected().and_then(|at| caches.get(at));
        cache.map_or(Effect::Done, |cache| {
            self.turn(Shown::Of(cache.walked.cache, Arc::clone(&cache.name)))
        })
    }
}

const WORDS: &[Word] = &[
    ("LIVE", "objects in use"),
    ("CHARGED", "objects that are charged to a memcg"),
    ("UNACCOUNTED", "objects that are charged to nobody"),
    (
        "SLAB",
        "the pages of the cache; USED is the part its objects take",
    ),
    (
        "FREEABLE",
        "pages that would be free if its objects stood side by side",
    ),
    ("RECLAIMABLE", "what shrinkers could free"),
];

const CACHES: &[Column<SlabCache>] = &[
    Column {
        title: "CACHE",
        width: 0,
        is_figure: false,
        rank: 0,
        cell: |row| row.name.display().into_owned(),
        compare: |a, b| a.name.cmp(&b.name),
    },
    Column {
        title: "LIVE",
        width: 8,
        is_figure: true,
        rank: 1,
        cell: |row| units::count(Some(row.live_objects())),
        compare: |a, b| a.live_objects().cmp(&b.live_objects()),
    },
    Column {
        title: "CHARGED",
        width: 8,
        is_figure: true,
        rank: 6,
        cell: |row| units::count(Some(row.walked.charged_objects)),
        compare: |a, b| a.walked.charged_objects.cmp(&b.walked.charged_objects),
    },
    Column {
        title: "UNACCOUNTED",
        width: 12,
        is_figure: true,
        rank: 7,
        cell: |row| units::count(Some(row.walked.unaccounted.objects)),
        compare: |a, b| {
            let of = |row: &SlabCache| row.walked.unaccounted.objects;
            of(a).cmp(&of(b))
        },
    },
    Column {
        title: "SIZE",
        width: 10,
        is_figure: true,
        rank: 5,
        cell: |row| units::bytes(Some(row.walked.size_bytes.into())),
        compare: |a, b| a.walked.size_bytes.cmp(&b.walked.size_bytes),
    },
    Column {
        title: "SLAB",
        width: 10,
        is_figure: true,
        rank: 2,
        cell: |row| units::bytes(Some(row.slab_bytes())),
        compare: |a, b| a.slab_bytes().cmp(&b.slab_bytes()),
    },
    Column {
        title: "USED",
        width: 5,
        is_figure: true,
        rank: 3,
        cell: |row| percent(row.utilization()),
        compare: |a, b| by_rate(a.utilization(), b.utilization()),
    },
    Column {
        title: "FREEABLE",
        width: 8,
        is_figure: true,
        rank: 4,
        cell: |row| units::count(row.freeable_pages()),
        compare: |a, b| a.freeable_pages().cmp(&b.freeable_pages()),
    },
    Column {
        title: "RECLAIMABLE",
        width: 11,
        is_figure: true,
        rank: 8,
        cell: |row| units::bytes(row.reclaimable().map(|reclaim| reclaim.reclaimable_bytes)),
        compare: |a, b| {
            let of = |row: &SlabCache| row.reclaimable().map(|reclaim| reclaim.reclaimable_bytes);
            of(a).cmp(&of(b))
        },
    },
];
