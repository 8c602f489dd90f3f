//! Charges that memcgs inherited from dead children.

use std::collections::HashMap;

use super::owners::Owners;
use crate::kernel::debugger::reader::Reader;
use crate::sample::slab_walk::{Inherited, SlabWalk};

/// Pages outside slabs that are charged to one object cgroup.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ChargedPages {
    pub(super) kernel: u64,
    pub(super) lru: u64,
}

/// A row for each memcg with an object cgroup of a dead child that the walk found.
pub(super) fn rows(
    reader: &Reader<'_>,
    owners: &Owners,
    pages: &HashMap<u64, ChargedPages>,
    walk: &SlabWalk,
) -> Vec<Inherited> {
    let marks = &reader.resolved.pages;
    let mut rows: HashMap<u64, Inherited> = HashMap::new();
    for (objcg, owner) in owners.all() {
        let Some(memcg_serial_nr) = owner.memcg.filter(|_| owner.inherited) else {
            continue;
        };
        let row = rows.entry(memcg_serial_nr).or_insert_with(|| Inherited {
            memcg_serial_nr,
            kernel_pages: (!marks.kmem_is_typed).then_some(0),
            lru_pages: marks.owner_is_objcg.then_some(0),
            ..Inherited::default()
        });
        row.objcgs += 1;
        if let Some(pages) = pages.get(&objcg) {
            row.kernel_pages = row.kernel_pages.map(|sum| sum + pages.kernel);
            row.lru_pages = row.lru_pages.map(|sum| sum + pages.lru);
        }
    }
    let caches = walk.caches.iter();
    let sizes: HashMap<_, _> = caches.map(|one| (one.cache, one.size_bytes)).collect();
    for slab in &walk.rows {
        let memcg = slab.memcg_serial_nr;
        if let Some(row) = memcg.and_then(|memcg| rows.get_mut(&memcg)) {
            let size = sizes.get(&slab.cache).copied().unwrap_or(0);
            row.slab_objects += slab.inherited_objects;
            row.slab_bytes += slab.inherited_objects * u64::from(size + walk.owner_bytes);
        }
    }
    let mut rows: Vec<_> = rows.into_values().collect();
    rows.sort_unstable_by_key(|row| row.memcg_serial_nr);
    rows
}
