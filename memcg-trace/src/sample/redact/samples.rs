//! The names in each part of a sample that a report shows. Structures are taken apart whole, but for
//! rows of figures: a new field does not compile until somebody says here whether it is a name.

use super::cmdline;
use super::words::Redactor;
use crate::sample::host_facts::{HostFacts, Setting};
use crate::sample::reclaim::{Reclaim, Shrinking, Stall, StalledTask};
use crate::sample::recording::Host;
use crate::sample::slab_inside::{InsideParent, InsideRow, SlabInside};
use crate::sample::slab_walk::{SlabWalk, WalkedCache, WalkedSlab};
use crate::sample::{
    Absent, DyingCgroup, DyingCgroups, Memcg, MemcgEvent, MemcgWalk, Sample, Task, Text,
};

impl Redactor {
    /// The host without its name.
    pub fn host(&mut self, host: &Host) -> Host {
        let Host {
            kernel,
            host: _,
            boot_id: _,
        } = host;
        Host {
            host: Text::from("host-1"),
            boot_id: Text::default(),
            kernel: kernel.clone(),
        }
    }

    /// The parts of a sample that a report shows, without names; the others are left out.
    pub fn sample(&mut self, sample: Sample) -> Sample {
        let mut sample = Sample {
            cgroup_uses: None,
            state_files: None,
            callers: None,
            ..sample
        };
        let Sample {
            host_facts,
            memcgs,
            dying,
            life,
            reclaim,
            waits,
            pins,
            slab,
            slab_walk,
            slab_inside,
            shrinkers,
            locks,
            oom_kills,
            absent,
            mono_ns: _,
            unix_ns: _,
            // Only figures.
            zombie_cost: _,
            cgroup_uses: _,
            state_files: _,
            callers: _,
            losses: _,
        } = &mut sample;
        if let Some(facts) = host_facts {
            without_names(facts);
        }
        // Names that sentences may have come first.
        if let Some(waits) = waits {
            self.waits(waits);
        }
        if let Some(pins) = pins {
            self.pins(pins);
        }
        if let Some(walk) = memcgs {
            self.memcgs(walk);
        }
        if let Some(dying) = dying {
            self.dying(dying);
        }
        for event in life.iter_mut().flatten() {
            self.life(event);
        }
        if let Some(reclaim) = reclaim {
            self.reclaim(reclaim);
        }
        if let Some(slab) = slab {
            self.slab(slab);
        }
        if let Some(walk) = slab_walk {
            self.slab_walk(walk);
        }
        if let Some(contents) = slab_inside {
            self.slab_inside(contents);
        }
        for row in shrinkers.iter_mut().flatten() {
            self.shrinker(row);
        }
        if let Some(locks) = locks {
            self.locks(locks);
        }
        for kill in oom_kills.iter_mut().flatten() {
            self.oom_kill(kill);
        }
        for Absent { section: _, reason } in absent {
            *reason = self.sentence(reason);
        }
        sample
    }

    fn memcgs(&mut self, walk: &mut MemcgWalk) {
        let MemcgWalk {
            rows,
            begin_ns: _,
            end_ns: _,
            took_ns: _,
            truncated_at: _,
            reparents_lru: _,
        } = walk;
        for row in rows {
            let Memcg { name, .. } = row;
            *name = self.component(name);
        }
    }

    fn dying(&mut self, dying: &mut DyingCgroups) {
        let DyingCgroups {
            cgroups,
            not_checked,
            as_of_ns: _,
            nr_dying: _,
            nr_cgroups: _,
            with_zombie: _,
            without_memcg: _,
        } = dying;
        for DyingCgroup {
            path,
            serial_nr: _,
            cgroup_id: _,
            refs: _,
        } in cgroups
        {
            *path = self.path(path);
        }
        *not_checked = not_checked.take().map(|why| self.sentence(&why));
    }

    fn life(&mut self, event: &mut MemcgEvent) {
        let MemcgEvent {
            name,
            comm,
            kind: _,
            time_ns: _,
            serial_nr: _,
            parent_serial_nr: _,
            cgroup_id: _,
            css_id: _,
            pid: _,
            lru_pages: _,
        } = event;
        *name = self.component(name);
        *comm = self.comm(comm);
    }

    fn reclaim(&mut self, reclaim: &mut Reclaim) {
        let Reclaim {
            tasks,
            stalls,
            shrinking,
            counts: _,
            pressure: _,
            as_of_ns: _,
            counts_pages: _,
            counts_throttles: _,
        } = reclaim;
        let tasks = tasks.iter_mut().map(|StalledTask { comm, .. }| comm);
        let stalls = stalls.iter_mut().map(|stall| {
            let Stall {
                task: Task { comm, .. },
                ..
            } = stall;
            comm
        });
        for comm in tasks.chain(stalls) {
            *comm = self.comm(comm);
        }
        for run in shrinking {
            self.shrinking(run);
        }
    }

    fn shrinking(&mut self, run: &mut Shrinking) {
        let Shrinking {
            comm,
            shrinker,
            name,
            stack,
            pid: _,
            tid: _,
            // A type of file systems, and numbers.
            fs: _,
            dev: _,
            memcg_serial_nr: _,
            node: _,
            cause: _,
            begin_ns: _,
            unconfirmed: _,
        } = run;
        *comm = self.comm(comm);
        *shrinker = self.address(*shrinker);
        *name = name.take().map(|name| self.symbol(&name));
        for symbol in stack {
            *symbol = self.symbol(symbol);
        }
    }

    /// Caches have names that the kernel or a module chose.
    fn slab_walk(&mut self, walk: &mut SlabWalk) {
        let SlabWalk {
            caches,
            rows,
            inherited: _,
            begin_ns: _,
            end_ns: _,
            took_ns: _,
            visited_pages: _,
            visited_slabs: _,
            truncated_at: _,
            owner_bytes: _,
            large_kmalloc_pages: _,
        } = walk;
        let caches = caches.iter_mut().map(|WalkedCache { cache, .. }| cache);
        let rows = rows.iter_mut().map(|WalkedSlab { cache, .. }| cache);
        for cache in caches.chain(rows) {
            *cache = self.address(*cache);
        }
    }

    fn slab_inside(&mut self, contents: &mut SlabInside) {
        let SlabInside {
            rows,
            cache: _,
            kind: _,
            begin_ns: _,
            end_ns: _,
            took_ns: _,
            size_bytes: _,
            visited_objects: _,
            unread_objects: _,
        } = contents;
        for row in rows {
            let InsideRow {
                parents,
                // A type of file systems, and numbers.
                fs: _,
                dev: _,
                memcg_serial_nr: _,
                is_charged: _,
                states: _,
                parents_omitted: _,
                uncounted_objects: _,
            } = row;
            for InsideParent { path, states: _ } in parents {
                *path = path.as_ref().map(|path| self.path(path));
            }
        }
    }
}

/// Options of the command line keep a value only where no name can be in it.
fn without_names(facts: &mut HostFacts) {
    let HostFacts {
        cmdline,
        settings,
        // Those of the kernel, which a report is about.
        version: _,
        machine: _,
        taint: _,
        cpus: _,
        is_cgroup_v1: _,
    } = facts;
    *cmdline = cmdline.as_ref().map(cmdline::without_names);
    for Setting { name: _, value } in settings {
        *value = cmdline::setting_without_names(value);
    }
}
