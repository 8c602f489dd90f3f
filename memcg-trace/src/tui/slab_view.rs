//! The ways to look at the tab of slab: what memcgs have of caches, what caches are like, and whose
//! the objects of one are.

use std::sync::Arc;

use super::columns::{Column, by_rate};
use super::list::{List, sorted};
use super::slab;
use crate::model::snapshot::{Slab, SlabCache, Snapshot};
use crate::output::slab::percent;
use crate::sample::Text;
use crate::units;

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum SlabView {
    /// A row for each memcg and cache.
    #[default]
    Rows,
    /// A row for each cache.
    Caches,
    /// The memcgs that have objects of one cache, by its key and name.
    Of(u64, Arc<Text>),
}

impl SlabView {
    /// The other direction.
    pub(super) fn turned(&self) -> Self {
        match self {
            Self::Rows => Self::Caches,
            Self::Caches | Self::Of(..) => Self::Rows,
        }
    }

    /// What the tab is called meanwhile.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Rows => "slab".to_owned(),
            Self::Caches => "slab: caches".to_owned(),
            Self::Of(_, name) => format!("slab: who has {}", name.display()),
        }
    }

    pub(super) fn column_count(&self) -> usize {
        match self {
            Self::Rows | Self::Of(..) => slab::COLUMNS.len(),
            Self::Caches => CACHES.len(),
        }
    }

    /// The rows in their order, and who they are; `filter` is lower case.
    pub(super) fn rows(
        &self,
        snapshot: &Snapshot,
        list: &List,
        filter: &str,
    ) -> (Vec<usize>, Vec<u64>) {
        if *self == Self::Caches {
            let items = &snapshot.slab_caches.items;
            let rows = sorted(items, CACHES, list, |row| {
                row.name.display().to_lowercase().contains(filter)
            });
            let identities = rows.iter().map(|at| items[*at].walked.cache).collect();
            return (rows, identities);
        }
        let items = &snapshot.slab.items;
        let is_of = |row: &Slab| match self {
            Self::Of(key, _) => row.cache_key == *key,
            Self::Rows | Self::Caches => true,
        };
        let rows = sorted(items, slab::COLUMNS, list, |row| {
            is_of(row) && (filter.is_empty() || slab::matches(row, filter))
        });
        let identities = rows.iter().map(|at| slab::identity(&items[*at])).collect();
        (rows, identities)
    }
}

/// Of caches, by default sorted by [`CACHES_SORT`].
pub(super) const CACHES: &[Column<SlabCache>] = &[
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
        title: "NOBODY'S",
        width: 8,
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

/// `SLAB`.
pub(super) const CACHES_SORT: usize = 5;
/// `SLAB` of the memcgs that have one cache.
pub(super) const OF_SORT: usize = 3;
