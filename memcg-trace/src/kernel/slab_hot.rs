//! The table of keys that move: programs count those without a look-up in a hash map
//! (memcg-trace-ebpf/src/slab_count.rs).

use std::collections::{HashMap, HashSet};
use std::ptr::{self, NonNull};

use anyhow::{Context as _, anyhow};
use aya::Ebpf;
use aya::maps::{Map, MapData};
use memcg_trace_common::slab::{HOT_SLOTS, HotRow, HotTable, SlabCount, SlabKey};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::thread::{MembarrierCommand, membarrier};
use std::os::fd::AsFd as _;

use super::cpus::possible_cpus;

/// The map of tables, one for each CPU.
pub(super) const TABLES: &str = "SLAB_HOT";
/// Keys that wait for a place before others have to leave theirs: that takes a grace period.
const WAITING: usize = 16;

/// The table.
pub(super) struct Hot {
    tables: Tables,
    slots: HashMap<SlabKey, usize>,
    /// What those counted that had a place before.
    left: HashMap<SlabKey, SlabCount>,
}

impl Hot {
    pub(super) fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        Ok(Self {
            tables: Tables::open(ebpf)?,
            slots: HashMap::new(),
            left: HashMap::new(),
        })
    }

    /// Adds what was counted here to the sums of all keys.
    pub(super) fn add_to(&self, sums: &mut HashMap<SlabKey, SlabCount>) {
        for (key, slot) in &self.slots {
            add(sums.entry(*key).or_default(), self.count(*slot));
        }
        for (key, count) in &self.left {
            add(sums.entry(*key).or_default(), *count);
        }
    }

    fn count(&self, slot: usize) -> SlabCount {
        let mut sum = SlabCount::default();
        for cpu in 0..self.tables.cpus {
            add(&mut sum, self.tables.count(cpu, slot));
        }
        sum
    }

    /// Gives places to keys that moved. Where others have these that did not move, they have to
    /// leave once it is worth while.
    pub(super) fn promote(&mut self, moved: &HashSet<SlabKey>) {
        let mut taken: HashMap<usize, SlabKey> =
            self.slots.iter().map(|(key, slot)| (*slot, *key)).collect();
        let mut leave = HashMap::new();
        let mut waiting = Vec::new();
        for key in moved {
            if self.slots.contains_key(key) {
                continue;
            }
            let places = [key.hot_slot(), key.hot_slot() ^ 1];
            if let Some(free) = places.into_iter().find(|slot| !taken.contains_key(slot)) {
                taken.insert(free, *key);
                self.put(free, *key);
                continue;
            }
            let still = |slot: &usize| taken.get(slot).is_some_and(|other| !moved.contains(other));
            if let Some(slot) = places.into_iter().find(still)
                && let Some(other) = taken.insert(slot, *key)
            {
                leave.insert(slot, other);
                waiting.push((slot, *key));
            }
        }
        if waiting.len() >= WAITING {
            self.replace(&leave, &waiting);
        }
    }

    /// Programs that saw a key in its place have ended after a grace period, and all that they
    /// counted there is known.
    fn replace(&mut self, leave: &HashMap<usize, SlabKey>, come: &[(usize, SlabKey)]) {
        for slot in leave.keys() {
            self.tables.write_objcg(*slot, 0);
        }
        // MEMBARRIER_CMD_GLOBAL is synchronize_rcu() (kernel/sched/membarrier.c).
        let has_passed = membarrier(MembarrierCommand::Global).is_ok();
        for (slot, key) in leave {
            if has_passed {
                let count = self.count(*slot);
                add(self.left.entry(*key).or_default(), count);
                self.slots.remove(key);
                self.tables.clear(*slot);
            } else {
                self.tables.write_objcg(*slot, key.objcg);
            }
        }
        if has_passed {
            come.iter().for_each(|(slot, key)| self.put(*slot, *key));
        }
    }

    fn put(&mut self, slot: usize, key: SlabKey) {
        self.tables.write_key(slot, key);
        self.slots.insert(key, slot);
    }

    /// Forgets what such a key counted, if it has no place any more.
    pub(super) fn forget(&mut self, key: &SlabKey) {
        self.left.remove(key);
    }

    /// Whether it has a place.
    pub(super) fn has(&self, key: &SlabKey) -> bool {
        self.slots.contains_key(key)
    }
}

fn add(sum: &mut SlabCount, more: SlabCount) {
    sum.allocs += more.allocs;
    sum.frees += more.frees;
}

/// The tables of all CPUs, in our address space.
struct Tables {
    first: NonNull<HotTable>,
    cpus: usize,
    /// The memory is the map's.
    _map: MapData,
}

impl Tables {
    fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        let Some(Map::Array(map)) = ebpf.take_map(TABLES) else {
            return Err(anyhow!(
                "no map {TABLES} in the eBPF object: built from other sources"
            ));
        };
        let cpus = possible_cpus() as usize;
        // SAFETY: a fresh mapping of a map of so many values; it overlaps nothing.
        let address = unsafe {
            mmap(
                ptr::null_mut(),
                size_of::<HotTable>() * cpus,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                map.fd().as_fd(),
                0,
            )
        };
        let address = address.with_context(|| format!("map the memory of {TABLES}"))?;
        let first = NonNull::new(address.cast()).context("a mapping at address 0")?;
        Ok(Self {
            first,
            cpus,
            _map: map,
        })
    }

    fn row(&self, cpu: usize, slot: usize) -> *mut HotRow {
        // SAFETY: within the values.
        unsafe {
            let table = self.first.as_ptr().add(cpu.min(self.cpus - 1));
            (&raw mut (*table).rows)
                .cast::<HotRow>()
                .add(slot % HOT_SLOTS)
        }
    }

    fn write_objcg(&self, slot: usize, objcg: u64) {
        for cpu in 0..self.cpus {
            // SAFETY: a row; programs read single words.
            unsafe { (&raw mut (*self.row(cpu, slot)).key.objcg).write_volatile(objcg) };
        }
    }

    /// The objcg last: until then it is 0, and nobody's.
    fn write_key(&self, slot: usize, key: SlabKey) {
        for cpu in 0..self.cpus {
            // SAFETY: as above.
            unsafe { (&raw mut (*self.row(cpu, slot)).key.cache).write_volatile(key.cache) };
        }
        std::sync::atomic::fence(std::sync::atomic::Ordering::Release);
        self.write_objcg(slot, key.objcg);
    }

    fn count(&self, cpu: usize, slot: usize) -> SlabCount {
        // SAFETY: a row; volatile, since programs write it.
        unsafe { (&raw const (*self.row(cpu, slot)).count).read_volatile() }
    }

    fn clear(&self, slot: usize) {
        for cpu in 0..self.cpus {
            let count = SlabCount::default();
            // SAFETY: a row; no program counts there now.
            unsafe { (&raw mut (*self.row(cpu, slot)).count).write_volatile(count) };
        }
    }
}

// SAFETY: the mapping belongs to it alone, and to no thread.
unsafe impl Send for Tables {}

impl Drop for Tables {
    fn drop(&mut self) {
        // SAFETY: mapped by `open` with that size, and nothing refers to it any more.
        let _ = unsafe {
            munmap(
                self.first.as_ptr().cast(),
                size_of::<HotTable>() * self.cpus,
            )
        };
    }
}
