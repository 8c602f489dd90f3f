//! Caches, and the free objects that CPUs keep of each: slabs count those as allocated.
//!
//! Until 6.19 a CPU takes all free objects of a slab at once, as a chain through these objects
//! (mm/slub.c: get_freelist()). Since 6.18 it has arrays of objects, "sheaves", and each NUMA node
//! a barn of them.

use crate::kernel::host::symbols::Symbol;
use std::collections::HashMap;

use super::page::Slab;
use crate::kernel::debugger::folio::DESCRIPTOR_BYTES;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address, words};
use crate::kernel::layout::fields::Field;
use crate::sample::slab_walk::WalkedCache;

/// Length of a cache's name.
const NAME_BYTES: usize = 64;
/// Upper bound of a slab's size.
const SLAB_BYTES: u64 = 1 << 20;
/// Upper bound of the sheaves in a barn (mm/slub.c: MAX_FULL_SHEAVES is less).
const SHEAVES: usize = 64;
/// Objects that a sheaf has at most.
const SHEAF_OBJECTS: u64 = 4096;
/// `kmem_cache_order_objects` (mm/slub.c: OO_SHIFT, OO_MASK).
const ORDER_SHIFT: u64 = 16;
const PAGE_SHIFT: u64 = 12;

/// Caches that were seen.
#[derive(Debug)]
pub(super) struct Caches {
    known: HashMap<u64, Option<WalkedCache>>,
    /// Free objects that CPUs keep, by the page frame number of their slab.
    cached: HashMap<u64, u64>,
    vmemmap: u64,
    page_offset: u64,
    cpus: Vec<u64>,
}

impl Caches {
    pub(super) fn new(reader: &Reader<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            known: HashMap::new(),
            cached: HashMap::new(),
            vmemmap: reader.word_at(reader.symbol(Symbol::VmemmapBase)?)?,
            page_offset: reader.word_at(reader.symbol(Symbol::PageOffsetBase)?)?,
            cpus: reader.cpu_offsets()?,
        })
    }

    pub(super) fn vmemmap(&self) -> u64 {
        self.vmemmap
    }

    /// The cache at an address, if it is one.
    pub(super) fn get(&self, cache: u64) -> Option<&WalkedCache> {
        self.known.get(&cache)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, cache: u64) -> Option<&mut WalkedCache> {
        self.known.get_mut(&cache)?.as_mut()
    }

    pub(super) fn into_known(self) -> impl Iterator<Item = WalkedCache> {
        self.known.into_values().flatten()
    }

    /// Number of a slab's free objects that CPUs keep, as far as known.
    pub(super) fn cached_of(&self, slab: &Slab) -> u64 {
        let pages = slab.pfn..slab.pfn.saturating_add(slab.pages);
        pages.filter_map(|pfn| self.cached.get(&pfn)).sum()
    }

    /// Reads a cache when it is first seen.
    pub(super) fn read_new(&mut self, reader: &Reader<'_>, cache: u64) -> Result<(), Unreadable> {
        if self.known.contains_key(&cache) {
            return Ok(());
        }
        let found = match describe(reader, cache) {
            Ok(found) => {
                match self.count_cached(reader, &found) {
                    Ok(()) | Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
                    Err(why) => return Err(why),
                }
                Some(found)
            }
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => None,
            Err(why) => return Err(why),
        };
        self.known.insert(cache, found);
        Ok(())
    }

    fn count_cached(&mut self, reader: &Reader<'_>, cache: &WalkedCache) -> Result<(), Unreadable> {
        // The pointers, and the types that they point to: a kernel lacks both or none.
        if reader.has(Field::CacheCpuSlab) || reader.has(Field::CpuSlabFreelist) {
            self.count_freelists(reader, cache)?;
        }
        if reader.has(Field::CacheCpuSheaves) || reader.has(Field::SheavesMain) {
            self.count_sheaves(reader, cache.cache)?;
        }
        Ok(())
    }

    /// Counts the chains that CPUs took off their slabs.
    fn count_freelists(
        &mut self,
        reader: &Reader<'_>,
        cache: &WalkedCache,
    ) -> Result<(), Unreadable> {
        let per_cpu = self.per_cpu(reader.word(cache.cache, Field::CacheCpuSlab)?);
        let freelists = reader.column(&per_cpu, Field::CpuSlabFreelist)?;
        let slabs = reader.column(&per_cpu, Field::CpuSlabSlab)?;
        let link = reader.word(cache.cache, Field::CacheOffset)?;
        // Absent where links are not obfuscated (CONFIG_SLAB_FREELIST_HARDENED).
        let random = match reader.word(cache.cache, Field::CacheRandom) {
            Ok(random) => Some(random),
            Err(Unreadable::Absent(_)) => None,
            Err(why) => return Err(why),
        };
        for (first, slab) in freelists.into_iter().zip(slabs) {
            let (Some(first), Some(slab)) = (first, slab) else {
                continue;
            };
            if first == 0 || !is_kernel_address(slab) {
                continue;
            }
            let pfn = slab.wrapping_sub(self.vmemmap) / DESCRIPTOR_BYTES as u64;
            let base = self.page_offset.wrapping_add(pfn << PAGE_SHIFT);
            let bytes = 1_u64 << (u64::from(cache.order) + PAGE_SHIFT).min(20);
            let mut objects = vec![0; usize::try_from(bytes.min(SLAB_BYTES)).unwrap_or(0)];
            if reader.memory.read(base, &mut objects).is_err() {
                continue;
            }
            let most = u64::from(cache.slab_objects);
            let count = chain(&objects, base, first, link, random, most);
            *self.cached.entry(pfn).or_default() += count;
        }
        Ok(())
    }

    fn count_sheaves(&mut self, reader: &Reader<'_>, cache: u64) -> Result<(), Unreadable> {
        let per_cpu = self.per_cpu(reader.word(cache, Field::CacheCpuSheaves)?);
        let mut sheaves = reader.column(&per_cpu, Field::SheavesMain)?;
        sheaves.extend(reader.column(&per_cpu, Field::SheavesSpare)?);
        let mut sheaves: Vec<_> = sheaves.into_iter().flatten().collect();
        sheaves.extend(full_sheaves(reader, cache)?);
        sheaves.retain(|sheaf| is_kernel_address(*sheaf));
        let sizes = reader.column(&sheaves, Field::SheafSize)?;
        let objects = reader.offset(Field::SheafObjects)?;
        for (sheaf, size) in sheaves.into_iter().zip(sizes) {
            let size = size.unwrap_or(0);
            if size > SHEAF_OBJECTS {
                continue;
            }
            let mut bytes = vec![0; usize::try_from(size * 8).unwrap_or(0)];
            if reader.memory.read(sheaf + objects, &mut bytes).is_err() {
                continue;
            }
            for object in words(&bytes) {
                let pfn = object.wrapping_sub(self.page_offset) >> PAGE_SHIFT;
                *self.cached.entry(pfn).or_default() += 1;
            }
        }
        Ok(())
    }

    /// The address of each CPU's instance of a per-CPU pointer.
    fn per_cpu(&self, pointer: u64) -> Vec<u64> {
        if pointer == 0 {
            return Vec::new();
        }
        let places = self.cpus.iter();
        places.map(|offset| offset.wrapping_add(pointer)).collect()
    }
}

/// Full sheaves of all nodes.
fn full_sheaves(reader: &Reader<'_>, cache: u64) -> Result<Vec<u64>, Unreadable> {
    let barns = if reader.has(Field::CachePerNode) {
        barns_beside_nodes(reader, cache)?
    } else {
        barns_of_nodes(reader, cache)?
    };
    let full = reader.offset(Field::BarnFull)?;
    let mut sheaves = Vec::new();
    for barn in barns.into_iter().flatten() {
        if is_kernel_address(barn) {
            let (some, _) = reader.list(barn + full, Field::SheafBarnList, SHEAVES)?;
            sheaves.extend(some);
        }
    }
    Ok(sheaves)
}

/// Since 7.1 a cache has one array with a barn and a node in each entry.
fn barns_beside_nodes(reader: &Reader<'_>, cache: u64) -> Result<Vec<Option<u64>>, Unreadable> {
    let per_node = cache + reader.offset(Field::CachePerNode)?;
    let (barn, node) = (
        reader.offset(Field::PerNodeBarn)?,
        reader.offset(Field::PerNodeNode)?,
    );
    // An entry is a struct of these two pointers.
    let bytes = barn.max(node) + 8;
    let places = (0..reader.nodes()?).map(|node| per_node + node * bytes);
    reader.column(&places.collect::<Vec<_>>(), Field::PerNodeBarn)
}

/// Until 7.0 a cache has an array of nodes, which have the barns.
fn barns_of_nodes(reader: &Reader<'_>, cache: u64) -> Result<Vec<Option<u64>>, Unreadable> {
    let places = (0..reader.nodes()?).map(|node| cache + node * 8);
    let nodes = reader.column(&places.collect::<Vec<_>>(), Field::CacheNodes)?;
    let nodes = nodes.into_iter().flatten();
    let nodes: Vec<_> = nodes.filter(|node| is_kernel_address(*node)).collect();
    reader.column(&nodes, Field::NodeBarn)
}

/// Length of a chain of free objects within one slab (mm/slub.c: freelist_ptr_decode()).
fn chain(slab: &[u8], base: u64, first: u64, link: u64, random: Option<u64>, most: u64) -> u64 {
    let (mut object, mut count) = (first, 0);
    while object != 0 && count < most {
        let place = object.wrapping_add(link);
        let at = usize::try_from(place.wrapping_sub(base)).unwrap_or(usize::MAX);
        let stored = slab.get(at..).and_then(|rest| rest.first_chunk());
        let Some(stored) = stored.map(|word| u64::from_ne_bytes(*word)) else {
            break;
        };
        count += 1;
        object = random.map_or(stored, |random| stored ^ random ^ place.swap_bytes());
    }
    count
}

fn describe(reader: &Reader<'_>, cache: u64) -> Result<WalkedCache, Unreadable> {
    if !is_kernel_address(cache) {
        return Err(Unreadable::Fault(cache));
    }
    let half = |field| {
        let value = reader.word(cache, field)?;
        u32::try_from(value).map_err(|_| Unreadable::Changed("a cache"))
    };
    let order = reader.word(cache, Field::CacheOrder)?;
    let name = reader.word(cache, Field::CacheName)?;
    let found = WalkedCache {
        cache,
        name: reader.string(name, NAME_BYTES)?,
        size_bytes: half(Field::CacheSize)?,
        object_bytes: half(Field::CacheObjectSize)?,
        order: u32::try_from(order >> ORDER_SHIFT).unwrap_or(u32::MAX),
        slab_objects: u32::try_from(order & ((1 << ORDER_SHIFT) - 1)).unwrap_or(0),
        has_shrinker: reader
            .word(cache, Field::CacheFlags)
            .ok()
            .map(|flags| flags & reader.resolved.pages.cache_reclaim != 0),
        ..WalkedCache::default()
    };
    if found.size_bytes == 0 || found.slab_objects == 0 || found.order > 10 {
        return Err(Unreadable::Changed("a cache"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_is_made_unreadable() {
        const BASE: u64 = 0xffff_8880_0001_0000;
        const RANDOM: u64 = 0x1234_5678_9abc_def0;
        let mut slab = vec![0; 4096];
        let mut put = |object: u64, next: u64| {
            let place = BASE + object + 16;
            let stored = next ^ RANDOM ^ place.swap_bytes();
            let at = usize::try_from(object + 16).unwrap();
            slab[at..at + 8].copy_from_slice(&stored.to_ne_bytes());
        };
        put(64, BASE + 192);
        put(192, BASE);
        put(0, 0);
        assert_eq!(chain(&slab, BASE, BASE + 64, 16, Some(RANDOM), 64), 3);
        assert_eq!(chain(&slab, BASE, BASE + 64, 16, Some(RANDOM), 2), 2);
        assert_eq!(chain(&slab, BASE, BASE + 8192, 16, Some(RANDOM), 64), 0);
    }
}
