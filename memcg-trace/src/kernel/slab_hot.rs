//! The table of keys that move: programs count those without a look-up in a hash map
//! (memcg-trace-ebpf/src/slab_count.rs).

use std::collections::{HashMap, HashSet};
use std::ptr::{self, NonNull};

use anyhow::{Context as _, anyhow};
use aya::Ebpf;
use aya::maps::{Map, MapData};
use memcg_trace_common::slab::{HOT_SLOTS, HotCounts, HotKeys, SlabCount, SlabKey};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::thread::{MembarrierCommand, membarrier};
use std::os::fd::AsFd as _;

use super::cpus::possible_cpus;

/// The map of counters, one value for each CPU.
pub(super) const COUNTS: &str = "SLAB_HOT_COUNTS";
/// Keys that wait for a place before others have to leave theirs: that takes a grace period.
const WAITING: usize = 16;

/// The table.
pub(super) struct Hot {
    keys: Mapped<HotKeys>,
    counts: Mapped<HotCounts>,
    slots: HashMap<SlabKey, usize>,
    /// What those counted that had a place before.
    left: HashMap<SlabKey, SlabCount>,
}

impl Hot {
    pub(super) fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        Ok(Self {
            keys: Mapped::open(ebpf, "SLAB_HOT_KEYS", 1)?,
            counts: Mapped::open(ebpf, COUNTS, possible_cpus() as usize)?,
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
        for cpu in 0..self.counts.values {
            add(&mut sum, self.counts.read(cpu, slot));
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
            self.keys.write_objcg(*slot, 0);
        }
        // MEMBARRIER_CMD_GLOBAL is synchronize_rcu() (kernel/sched/membarrier.c).
        let has_passed = membarrier(MembarrierCommand::Global).is_ok();
        for (slot, key) in leave {
            if has_passed {
                let count = self.count(*slot);
                add(self.left.entry(*key).or_default(), count);
                self.slots.remove(key);
                for cpu in 0..self.counts.values {
                    self.counts.clear(cpu, *slot);
                }
            } else {
                self.keys.write_objcg(*slot, key.objcg);
            }
        }
        if has_passed {
            come.iter().for_each(|(slot, key)| self.put(*slot, *key));
        }
    }

    fn put(&mut self, slot: usize, key: SlabKey) {
        self.keys.write_key(slot, key);
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

/// The values of a map of the kind array, in our address space.
struct Mapped<T> {
    first: NonNull<T>,
    values: usize,
    /// The memory is the map's.
    _map: MapData,
}

impl<T> Mapped<T> {
    fn open(ebpf: &mut Ebpf, name: &str, values: usize) -> anyhow::Result<Self> {
        let Some(Map::Array(map)) = ebpf.take_map(name) else {
            return Err(anyhow!(
                "no map {name} in the eBPF object: built from other sources"
            ));
        };
        // SAFETY: a fresh mapping of a map of so many values; it overlaps nothing.
        let address = unsafe {
            mmap(
                ptr::null_mut(),
                size_of::<T>() * values,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                map.fd().as_fd(),
                0,
            )
        };
        let address = address.with_context(|| format!("map the memory of {name}"))?;
        let first = NonNull::new(address.cast()).context("a mapping at address 0")?;
        Ok(Self {
            first,
            values,
            _map: map,
        })
    }
}

impl Mapped<HotKeys> {
    fn write_objcg(&self, slot: usize, objcg: u64) {
        // SAFETY: within the value; programs read single words.
        unsafe {
            let at = (&raw mut (*self.first.as_ptr()).keys).cast::<SlabKey>();
            (&raw mut (*at.add(slot % HOT_SLOTS)).objcg).write_volatile(objcg);
        }
    }

    /// The objcg last: until then it is 0, and nobody's.
    fn write_key(&self, slot: usize, key: SlabKey) {
        // SAFETY: as above.
        unsafe {
            let at = (&raw mut (*self.first.as_ptr()).keys).cast::<SlabKey>();
            (&raw mut (*at.add(slot % HOT_SLOTS)).cache).write_volatile(key.cache);
        }
        std::sync::atomic::fence(std::sync::atomic::Ordering::Release);
        self.write_objcg(slot, key.objcg);
    }
}

impl Mapped<HotCounts> {
    fn at(&self, cpu: usize, slot: usize) -> *mut SlabCount {
        // SAFETY: within the values.
        unsafe {
            let counts = self.first.as_ptr().add(cpu.min(self.values - 1));
            (&raw mut (*counts).counts)
                .cast::<SlabCount>()
                .add(slot % HOT_SLOTS)
        }
    }

    fn read(&self, cpu: usize, slot: usize) -> SlabCount {
        // SAFETY: as above; volatile, since programs write it.
        unsafe { self.at(cpu, slot).read_volatile() }
    }

    fn clear(&self, cpu: usize, slot: usize) {
        // SAFETY: as above; no program counts there now.
        unsafe { self.at(cpu, slot).write_volatile(SlabCount::default()) }
    }
}

// SAFETY: the mapping belongs to it alone, and to no thread.
unsafe impl<T> Send for Mapped<T> {}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: mapped by `open` with that size, and nothing refers to it any more.
        let _ = unsafe { munmap(self.first.as_ptr().cast(), size_of::<T>() * self.values) };
    }
}
