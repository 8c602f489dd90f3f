//! Sums of slabs in rows: objects by memcg and cache, and their shares of the pages.

use std::collections::HashMap;

use super::owners::Owners;
use super::page::Slab;
use crate::sample::slab_walk::{Share, WalkedCache, WalkedSlab};

/// Bytes of a page.
const PAGE_BYTES: u64 = 4096;

/// Charged objects, by memcg and cache.
#[derive(Debug, Default)]
pub(super) struct Tally {
    rows: HashMap<(Option<u64>, u64), Row>,
}

#[derive(Debug, Default)]
struct Row {
    share: Share,
    inherited_objects: u64,
    /// Objects charged and uncharged during the walk.
    events: u64,
}

/// Objects in one slab that have the same memcg.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    memcg: Option<u64>,
    objects: u64,
    inherited_objects: u64,
}

impl Tally {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Counts a slab of a cache, with the owners of its charged objects. `cached` of its allocated
    /// objects are free objects that CPUs keep.
    pub(super) fn add(
        &mut self,
        slab: &Slab,
        cache: &mut WalkedCache,
        charged: &[u64],
        cached: u64,
        owners: &Owners,
    ) {
        let groups = grouped(charged, owners);
        let charged_objects = charged.len() as u64;
        // The three figures were not read at the same moment.
        let cached = cached.min(slab.inuse.saturating_sub(charged_objects));
        let unaccounted = slab.inuse.saturating_sub(charged_objects + cached);
        cache.slabs += 1;
        cache.slab_pages += slab.pages;
        cache.capacity_objects += slab.objects;
        cache.inuse_objects += slab.inuse.max(charged_objects);
        cache.cached_objects += cached;
        cache.charged_objects += charged_objects;

        let mut split = Split {
            bytes: slab.pages * PAGE_BYTES,
            objects: charged_objects + unaccounted,
            before: 0,
        };
        let is_alone = groups.len() == 1 && unaccounted == 0;
        for group in groups {
            let row = self.rows.entry((group.memcg, slab.cache)).or_default();
            row.inherited_objects += group.inherited_objects;
            put(&mut row.share, slab, group.objects, is_alone);
            row.share.share_bytes += split.next(group.objects);
        }
        if unaccounted > 0 {
            put(
                &mut cache.unaccounted,
                slab,
                unaccounted,
                charged.is_empty(),
            );
            cache.unaccounted.share_bytes += split.next(unaccounted);
        } else if charged.is_empty() {
            cache.unaccounted.share_bytes += split.bytes;
        }
    }

    /// Adds objects charged and uncharged during the walk.
    pub(super) fn add_events(&mut self, memcg: Option<u64>, cache: u64, events: u64) {
        self.rows.entry((memcg, cache)).or_default().events += events;
    }

    /// Moves the rows of memcgs that went offline meanwhile to their heirs, both by serial number.
    /// The rows may share pages, so the sum of touched pages is an upper bound.
    pub(super) fn hand_over(&mut self, moved: &HashMap<u64, u64>) {
        let is_dead =
            |key: &(Option<u64>, u64)| key.0.is_some_and(|memcg| moved.contains_key(&memcg));
        let dead: Vec<_> = self.rows.keys().copied().filter(is_dead).collect();
        for key in dead {
            let heir = key.0.and_then(|memcg| moved.get(&memcg)).copied();
            let Some(row) = self.rows.remove(&key) else {
                continue;
            };
            let to = self.rows.entry((heir, key.1)).or_default();
            to.share.objects += row.share.objects;
            to.share.touched_pages += row.share.touched_pages;
            to.share.owned_pages += row.share.owned_pages;
            to.share.share_bytes += row.share.share_bytes;
            to.inherited_objects += row.share.objects;
            to.events += row.events;
        }
    }

    /// All rows; `is_counted` tells whether events were counted.
    pub(super) fn into_rows(self, is_counted: bool) -> Vec<WalkedSlab> {
        let rows = self.rows.into_iter();
        let mut rows: Vec<_> = rows
            .map(|((memcg_serial_nr, cache), row)| WalkedSlab {
                memcg_serial_nr,
                cache,
                share: row.share,
                inherited_objects: row.inherited_objects,
                uncertain_objects: is_counted.then_some(row.events),
            })
            .collect();
        rows.sort_unstable_by_key(|row| (row.memcg_serial_nr, row.cache));
        rows
    }
}

fn put(share: &mut Share, slab: &Slab, objects: u64, is_alone: bool) {
    share.objects += objects;
    share.touched_pages += slab.pages;
    if is_alone {
        share.owned_pages += slab.pages;
    }
}

/// Objects by memcg, in the order of its serial number.
fn grouped(charged: &[u64], owners: &Owners) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for objcg in charged {
        let owner = owners.get(*objcg);
        let found = groups.iter_mut().find(|group| group.memcg == owner.memcg);
        let group = match found {
            Some(group) => group,
            None => {
                groups.push(Group {
                    memcg: owner.memcg,
                    ..Group::default()
                });
                let last = groups.len() - 1;
                &mut groups[last]
            }
        };
        group.objects += 1;
        group.inherited_objects += u64::from(owner.inherited);
    }
    groups.sort_unstable_by_key(|group| group.memcg);
    groups
}

/// Splits bytes by objects, so that the parts add up to the whole.
struct Split {
    bytes: u64,
    objects: u64,
    before: u64,
}

impl Split {
    fn next(&mut self, objects: u64) -> u64 {
        let up_to = |count: u64| (self.bytes * count).checked_div(self.objects).unwrap_or(0);
        let part = up_to(self.before + objects) - up_to(self.before);
        self.before += objects;
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let mut split = Split {
            bytes: 4096,
            objects: 21,
            before: 0,
        };
        let parts = [1, 13, 7].map(|objects| split.next(objects));
        assert_eq!(parts, [195, 2535, 1366]);
        assert_eq!(parts.iter().sum::<u64>(), 4096);
    }
}
