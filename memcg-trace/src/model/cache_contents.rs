//! Contents of a cache: the last answer, with the names of its memcgs.

use std::cmp::Reverse;
use std::sync::Arc;

use super::slab_walk::name;
use super::snapshot::{CacheContents, ContentsRow, Section, Source};
use super::tree::Tree;
use crate::sample::slab_inside::SlabInside;

/// Returns the section of an answer: one cache, its rows with the most objects first.
pub(super) fn section(answer: &SlabInside, tree: &Tree) -> Arc<Section<CacheContents>> {
    let rows = answer.rows.iter().map(|row| ContentsRow {
        memcg: row.memcg_serial_nr.map(|serial_nr| name(tree, serial_nr)),
        found: row.clone(),
    });
    let mut rows: Vec<ContentsRow> = rows.collect();
    rows.sort_by_key(|row| Reverse(row.found.states.objects()));
    Arc::new(Section {
        name: "slab_inside",
        source: Source::Walk,
        as_of_ns: Some(answer.end_ns),
        took_ns: Some(answer.took_ns),
        visited: Some(answer.visited_objects),
        truncated_at: None,
        reason: None,
        items: vec![CacheContents {
            cache: Arc::new(answer.cache.clone()),
            kind: answer.kind,
            size_bytes: answer.size_bytes,
            unread_objects: answer.unread_objects,
            rows,
        }],
    })
}
