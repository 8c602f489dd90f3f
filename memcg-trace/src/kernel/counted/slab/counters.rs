//! Slab objects charged and uncharged: sums over the CPUs, and the owners and caches of their keys.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{MapData, MapError, PerCpuHashMap};
use memcg_trace_common::slab::{CacheAsk, ObjcgAsk, RESOLVE_ROWS, SlabCount, SlabKey};

use crate::kernel::counted::slab::hot::Hot;
use crate::kernel::debugger::resolver::{Resolver, run};
use crate::kernel::hooks::map_rows;
use crate::kernel::hooks::programs::load_walk;
use crate::kernel::maps::take_map;
use crate::kernel::maps::value::MapValue;
use crate::sample::{Cache, Slab, SlabCount as Count, Text};

const BASES: &str = "bases";

/// The reader of slab counters.
pub(crate) struct Slabs {
    counts: PerCpuHashMap<MapData, MapValue<SlabKey>, MapValue<SlabCount>>,
    /// The rows that it has room for.
    most_rows: usize,
    hot: Hot,
    objcgs: Resolver<ObjcgAsk>,
    caches: Resolver<CacheAsk>,
    last: HashMap<SlabKey, SlabCount>,
    known_caches: HashSet<u64>,
}

impl Slabs {
    pub(crate) fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        // The programs turn the address of an object into that of its page.
        load_walk(ebpf, BASES)?;
        run(ebpf, BASES)?;
        Ok(Self {
            counts: take_map(ebpf, map_rows::SLAB.name)?,
            most_rows: map_rows::SLAB.rows() as usize,
            hot: Hot::open(ebpf)?,
            objcgs: Resolver::open(ebpf, "resolve_objcgs", "OBJCG_ASK")?,
            caches: Resolver::open(ebpf, "resolve_caches", "CACHE_ASK")?,
            last: HashMap::new(),
            known_caches: HashSet::new(),
        })
    }

    pub(crate) fn sample(&mut self, ebpf: &Ebpf, now_ns: u64) -> anyhow::Result<Slab> {
        let begin = Instant::now();
        let changed = self.changed().context("read the slab counters")?;
        let owners = self.owners(ebpf, changed.iter().map(|(key, _)| key.objcg).collect())?;
        let caches = self.new_caches(ebpf, &changed)?;
        let counts = changed
            .iter()
            .map(|(key, count)| Count {
                objcg: key.objcg,
                cache: key.cache,
                memcg_serial_nr: owners.get(&key.objcg).copied(),
                alloc_total: count.allocs,
                free_total: count.frees,
            })
            .collect();
        let moved = changed.into_iter().map(|(key, _)| key).collect();
        self.hot.promote(&moved);
        // Where the map is half full, keys without an owner are removed; later all idle keys, since
        // a missed free would keep a key for ever.
        if self.last.len() > self.most_rows / 2 {
            self.remove(&moved, |count| count.allocs == count.frees);
        }
        if self.last.len() > self.most_rows / 4 * 3 {
            self.remove(&moved, |_| true);
        }
        let took_ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Ok(Slab {
            as_of_ns: now_ns,
            took_ns,
            counts,
            caches,
            before: None,
        })
    }

    /// Charges plus uncharges since the start, as of the last sample.
    pub(crate) fn events(&self) -> HashMap<SlabKey, u64> {
        let counters = self.last.iter();
        counters
            .map(|(key, count)| (*key, count.allocs.saturating_add(count.frees)))
            .collect()
    }

    /// The counters that moved since the last sample.
    fn changed(&mut self) -> Result<Vec<(SlabKey, SlabCount)>, MapError> {
        let mut sums = HashMap::with_capacity(self.last.len());
        for entry in self.counts.iter() {
            let (MapValue(key), per_cpu) = entry?;
            let sum = per_cpu
                .iter()
                .fold(SlabCount::default(), |sum, MapValue(cpu)| SlabCount {
                    allocs: sum.allocs + cpu.allocs,
                    frees: sum.frees + cpu.frees,
                });
            sums.insert(key, sum);
        }
        self.hot.add_to(&mut sums);
        let mut changed = Vec::new();
        for (key, sum) in sums {
            let last = self.last.entry(key).or_default();
            if last.allocs != sum.allocs || last.frees != sum.frees {
                *last = sum;
                changed.push((key, sum));
            }
        }
        Ok(changed)
    }

    /// The current owners of the objcgs, by `css.serial_nr`.
    fn owners(&mut self, ebpf: &Ebpf, objcgs: HashSet<u64>) -> anyhow::Result<HashMap<u64, u64>> {
        let objcgs: Vec<u64> = objcgs.into_iter().collect();
        let mut owners = HashMap::with_capacity(objcgs.len());
        let question = |ask: &mut ObjcgAsk, some: &[u64]| {
            ask.rows = some.len() as u64;
            for (row, objcg) in ask.row.iter_mut().zip(some) {
                row.objcg = *objcg;
            }
        };
        self.objcgs
            .ask(ebpf, &objcgs, RESOLVE_ROWS, question, |answer, some| {
                let rows = answer.row.iter().take(some.len());
                let known = rows.filter(|row| row.memcg_serial_nr != 0);
                owners.extend(known.map(|row| (row.objcg, row.memcg_serial_nr)));
            })?;
        Ok(owners)
    }

    fn new_caches(
        &mut self,
        ebpf: &Ebpf,
        changed: &[(SlabKey, SlabCount)],
    ) -> anyhow::Result<Vec<Cache>> {
        let new: HashSet<u64> = changed
            .iter()
            .map(|(key, _)| key.cache)
            .filter(|cache| !self.known_caches.contains(cache))
            .collect();
        let new: Vec<u64> = new.into_iter().collect();
        let mut caches = Vec::with_capacity(new.len());
        let question = |ask: &mut CacheAsk, some: &[u64]| {
            ask.rows = some.len() as u64;
            for (row, cache) in ask.row.iter_mut().zip(some) {
                row.cache = *cache;
            }
        };
        self.caches
            .ask(ebpf, &new, RESOLVE_ROWS, question, |answer, some| {
                caches.extend(answer.row.iter().take(some.len()).map(|row| Cache {
                    cache: row.cache,
                    name: Text::from_c(&row.name),
                    size_bytes: row.size_bytes,
                    object_bytes: row.object_bytes,
                }));
            })?;
        self.known_caches.extend(new);
        Ok(caches)
    }

    /// Removes keys that did not move: mostly of cgroups that are long gone. The counter of a key
    /// that is used again begins at zero, and is added to the earlier sum.
    fn remove(&mut self, moved: &HashSet<SlabKey>, which: impl Fn(&SlabCount) -> bool) {
        let still: Vec<SlabKey> = self
            .last
            .iter()
            .filter(|(key, count)| which(count) && !moved.contains(key))
            .filter(|(key, _)| !self.hot.has(key))
            .map(|(key, _)| *key)
            .collect();
        for key in still {
            if self.counts.remove(&MapValue(key)).is_ok() {
                self.hot.forget(&key);
                self.last.remove(&key);
            }
        }
    }
}
