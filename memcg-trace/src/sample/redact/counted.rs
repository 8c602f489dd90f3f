//! Names in what events counted: slab, shrinkers, waits for locks, OOM kills. Structures with names
//! are taken apart whole.

use super::words::Redactor;
use crate::sample::oom::{OomMemory, ShmemFile, ShmemFiles};
use crate::sample::reclaim::OomKill;
use crate::sample::{
    BookedSlab, Cache, LockCount, LockHold, LockHolder, LockRelease, LockTimes, LockWait, Locks,
    Resource, Shrinker, Slab, SlabBefore, SlabCount, Task,
};

impl Redactor {
    /// Caches have names that the kernel or a module chose.
    pub(super) fn slab(&mut self, slab: &mut Slab) {
        let Slab {
            counts,
            caches,
            before,
            as_of_ns: _,
            took_ns: _,
        } = slab;
        for Cache { cache, .. } in caches {
            *cache = self.address(*cache);
        }
        let mut counts: Vec<&mut SlabCount> = counts.iter_mut().collect();
        if let Some(SlabBefore {
            counts: before,
            booked,
        }) = before.as_deref_mut()
        {
            counts.extend(before);
            for BookedSlab { cache, .. } in booked {
                *cache = self.address(*cache);
            }
        }
        for SlabCount { objcg, cache, .. } in counts {
            *objcg = self.address(*objcg);
            *cache = self.address(*cache);
        }
    }

    /// A type of file systems and the numbers of a device stay.
    pub(super) fn shrinker(&mut self, row: &mut Shrinker) {
        let Shrinker { shrinker, name, .. } = row;
        *shrinker = self.address(*shrinker);
        *name = name.take().map(|name| self.symbol(&name));
    }

    pub(super) fn locks(&mut self, locks: &mut Locks) {
        let Locks {
            waits,
            counts,
            times,
            releases,
            holds,
            as_of_ns: _,
        } = locks;
        for wait in waits {
            let LockWait {
                task,
                resource,
                owner,
                mode: _,
                since_ns: _,
                unconfirmed: _,
            } = wait;
            self.counted_task(task);
            self.counted_lock(resource);
            if let Some(owner) = owner {
                self.counted_task(owner);
            }
        }
        for LockCount { resource, .. } in counts {
            self.counted_lock(resource);
        }
        for LockTimes { addr, classes: _ } in times {
            *addr = self.address(*addr);
        }
        for release in releases.iter_mut().flatten() {
            let LockRelease {
                addr,
                stack,
                seen_total: _,
            } = release;
            *addr = self.address(*addr);
            self.symbols(stack);
        }
        for LockHold { addr, holders, .. } in holds {
            *addr = self.address(*addr);
            for holder in holders {
                let LockHolder {
                    task,
                    stack,
                    since_ns: _,
                    unconfirmed: _,
                } = holder;
                self.counted_task(task);
                self.symbols(stack);
            }
        }
    }

    /// Whether it is a thread of the kernel is not known here: a name that the kernel has for its
    /// own threads stays.
    fn counted_task(&mut self, task: &mut Task) {
        let Task {
            comm,
            pid: _,
            tid: _,
            start_ns: _,
            memcg_serial_nr: _,
        } = task;
        *comm = self.thread(comm);
    }

    fn counted_lock(&mut self, lock: &mut Resource) {
        let Resource {
            name,
            addr,
            kind: _,
        } = lock;
        *addr = self.address(*addr);
        *name = name.take().map(|name| self.symbol(&name));
    }

    fn symbols(&mut self, stack: &mut [String]) {
        for symbol in stack {
            *symbol = self.symbol(symbol);
        }
    }

    pub(super) fn oom_kill(&mut self, kill: &mut OomKill) {
        let OomKill {
            victim_comm,
            comm,
            memory,
            time_ns: _,
            limit_serial_nr: _,
            victim_serial_nr: _,
            victim_pid: _,
            chosen_pid: _,
            points: _,
            pid: _,
        } = kill;
        *victim_comm = self.comm(victim_comm);
        *comm = self.comm(comm);
        let Some(OomMemory {
            files: Some(found), ..
        }) = memory.as_deref_mut()
        else {
            return;
        };
        let ShmemFiles {
            files,
            not_checked,
            end_ns: _,
        } = found;
        for ShmemFile { path, .. } in files {
            *path = path.as_ref().map(|path| self.path(path));
        }
        for line in not_checked {
            *line = self.sentence(line);
        }
    }
}
