//! The table of hot keys: programs count these without a look-up in a hash map
//! (memcg-trace-ebpf/src/counted/slab/count.rs).

use std::collections::{HashMap, HashSet};

use aya::Ebpf;
use memcg_trace_common::slab::{
    HOT_SLOTS, HotRow, HotTable, KNOWN_NOBODY, KNOWN_OBJECTS, SlabCount, SlabKey,
};
use rustix::thread::{MembarrierCommand, membarrier};

use crate::kernel::hooks::object::{SLAB_HOT, SLAB_KNOWN};
use crate::kernel::host::cpus::possible_cpus;
use crate::kernel::maps::mapped::Mapped;

/// Keys that wait for a place before idle keys are evicted for them: an eviction takes a grace
/// period.
const WAITING: usize = 16;

/// The table of hot keys.
pub(crate) struct Hot {
    tables: Tables,
    slots: HashMap<SlabKey, usize>,
    /// Counts of the keys that were evicted.
    left: HashMap<SlabKey, SlabCount>,
}

impl Hot {
    pub(crate) fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        Ok(Self {
            tables: Tables::open(ebpf)?,
            slots: HashMap::new(),
            left: HashMap::new(),
        })
    }

    /// Adds the counts of this table to the sums of all keys.
    pub(crate) fn add_to(&self, sums: &mut HashMap<SlabKey, SlabCount>) {
        for (key, slot) in &self.slots {
            add(sums.entry(*key).or_default(), self.count(*slot));
        }
        for (key, count) in &self.left {
            add(sums.entry(*key).or_default(), *count);
        }
    }

    fn count(&self, slot: usize) -> SlabCount {
        let mut sum = SlabCount::default();
        for cpu in 0..self.tables.cpus() {
            add(&mut sum, self.tables.count(cpu, slot));
        }
        sum
    }

    /// Gives places to keys that moved. If there are none free, keys that did not move are evicted,
    /// once that is worth while.
    pub(crate) fn promote(&mut self, moved: &HashSet<SlabKey>) {
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

    /// Replaces keys in two grace periods. After the first, programs that saw a key in its place
    /// have ended, and write no more words that lead there; after the second, programs that read
    /// such a word have ended, too, and the counts of the place are final.
    fn replace(&mut self, leave: &HashMap<usize, SlabKey>, come: &[(usize, SlabKey)]) {
        for slot in leave.keys() {
            self.tables.write_objcg(*slot, 0);
        }
        let has_passed = grace_period() && {
            self.tables.forget(|slot| leave.contains_key(&slot));
            grace_period()
        };
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

    /// Forgets the counts of an evicted key.
    pub(crate) fn forget(&mut self, key: &SlabKey) {
        self.left.remove(key);
    }

    /// Whether a key has a place.
    pub(crate) fn has(&self, key: &SlabKey) -> bool {
        self.slots.contains_key(key)
    }
}

/// Waits until all programs that run now have ended; returns whether that was possible.
fn grace_period() -> bool {
    // synchronize_rcu() (kernel/sched/membarrier.c: MEMBARRIER_CMD_GLOBAL).
    membarrier(MembarrierCommand::Global).is_ok()
}

fn add(sum: &mut SlabCount, more: SlabCount) {
    sum.allocs += more.allocs;
    sum.frees += more.frees;
}

/// The tables of all CPUs, and the words of objects that hold a place in these tables.
struct Tables {
    rows: Mapped<HotTable>,
    known: Mapped<u64>,
}

impl Tables {
    fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        Ok(Self {
            rows: Mapped::open(ebpf, SLAB_HOT, possible_cpus() as usize)?,
            known: Mapped::open(ebpf, SLAB_KNOWN, KNOWN_OBJECTS)?,
        })
    }

    fn cpus(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, cpu: usize, slot: usize) -> *mut HotRow {
        // SAFETY: within the value.
        unsafe {
            (&raw mut (*self.rows.at(cpu)).rows)
                .cast::<HotRow>()
                .add(slot % HOT_SLOTS)
        }
    }

    fn write_objcg(&self, slot: usize, objcg: u64) {
        for cpu in 0..self.cpus() {
            // SAFETY: a row; programs read single words.
            unsafe { (&raw mut (*self.row(cpu, slot)).key.objcg).write_volatile(objcg) };
        }
    }

    /// Writes a key, its objcg last: until then that is 0, which no owner has.
    fn write_key(&self, slot: usize, key: SlabKey) {
        for cpu in 0..self.cpus() {
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
        for cpu in 0..self.cpus() {
            let count = SlabCount::default();
            // SAFETY: a row; no program counts there now.
            unsafe { (&raw mut (*self.row(cpu, slot)).count).write_volatile(count) };
        }
    }

    /// Clears the words that lead to these places. A word that a program writes meanwhile may be
    /// lost with them: then the free of that object reads its owner.
    fn forget(&self, leads: impl Fn(usize) -> bool) {
        for at in 0..self.known.len() {
            let word = self.known.at(at);
            // SAFETY: a word; volatile, since programs write it.
            let place = unsafe { word.read_volatile() } & KNOWN_NOBODY;
            let slot = usize::try_from(place)
                .ok()
                .and_then(|place| place.checked_sub(1));
            if slot.is_some_and(&leads) {
                // SAFETY: as above.
                unsafe { word.write_volatile(0) };
            }
        }
    }
}
