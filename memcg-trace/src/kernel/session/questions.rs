//! Questions that a session answers beside its samples: the pins of zombies, and the owners of slab
//! memory.

use std::collections::HashSet;

use anyhow::Context as _;

use super::Session;
use crate::kernel::Subject;
use crate::kernel::counted::memcgs::{DeadCss, dying, uses};
use crate::kernel::host::clock::{now_ns, unix_ns};
use crate::kernel::pins::{self, host_memory};
use crate::kernel::slabs;
use crate::sample::Text;
use crate::sample::pins::Pins;
use crate::sample::slab_inside::SlabInside;
use crate::sample::slab_walk::SlabWalk;
use crate::sample::uses::CgroupUses;

impl Session {
    /// The pins of zombies and dead cgroups with these serial numbers; of all, if `serial_nrs` is
    /// empty.
    ///
    /// # Errors
    /// If there is no list of memory cgroups, or the kernel refuses the programs that read.
    pub fn pins(&mut self, serial_nrs: &[u64]) -> anyhow::Result<Pins> {
        let memcgs = self.memcgs.list.as_mut();
        let memcgs = memcgs.context("look for pins: no list of memory cgroups here")?;
        // They may have died since the last walk.
        memcgs.walk(&self.kernel.ebpf, now_ns)?;
        let is_asked =
            |target: &DeadCss| serial_nrs.is_empty() || serial_nrs.contains(&target.serial_nr);
        let targets = memcgs.dead().iter().filter(|target| is_asked(target));
        let targets: Vec<_> = targets.copied().collect();
        let reader = self.kernel.reader()?;
        let dying = dying::look(&reader, memcgs.dead());
        let cgroups = dying.cgroups.iter().filter(|dead| is_asked(&dead.own));
        let cgroups: Vec<_> = cgroups.copied().collect();
        Ok(pins::scan(&reader, &targets, (&dying, &cgroups), now_ns))
    }

    /// Who uses live memory cgroups without a task in or below them.
    ///
    /// # Errors
    /// If there is no list of memory cgroups, or the kernel refuses the programs that read.
    pub fn cgroup_uses(&mut self) -> anyhow::Result<CgroupUses> {
        let memcgs = self.memcgs.list.as_mut();
        let memcgs = memcgs.context("look for uses: no list of memory cgroups here")?;
        let begin_ns = now_ns();
        let before = memcgs.walk(&self.kernel.ebpf, now_ns)?;
        let alive = before.rows.iter().filter_map(|row| {
            let serial_nr = row.serial_nr;
            let css = memcgs.css(serial_nr)?;
            (!memcgs.is_dead(serial_nr)).then_some(uses::Alive { serial_nr, css })
        });
        let alive: Vec<_> = alive.collect();
        let reader = self.kernel.reader()?;
        let mut uses = uses::find(&reader, &alive, unix_ns() / 1_000_000_000, now_ns());
        uses.can_reclaim = host_memory::can_reclaim(&reader).ok();
        uses.free_swap_bytes = Some(host_memory::free_swap_bytes());
        // A task may have come meanwhile.
        let after = memcgs.walk(&self.kernel.ebpf, now_ns)?;
        let empty = [&before, &after].map(|walk| -> HashSet<u64> {
            let rows = walk.rows.iter();
            let empty = rows.filter(|row| row.has_tasks == Some(false));
            empty.map(|row| row.serial_nr).collect()
        });
        uses.cgroups.retain(|one| {
            empty.iter().all(|empty| empty.contains(&one.serial_nr))
                && !memcgs.is_dead(one.serial_nr)
        });
        if before.rows.iter().any(|row| row.has_tasks.is_none()) {
            uses.not_checked
                .push("this kernel does not say which cgroups have tasks".to_owned());
        }
        uses.begin_ns = begin_ns;
        uses.end_ns = now_ns();
        Ok(uses)
    }

    /// The owners of slab memory: a walk of all slabs of the host, at full speed; and the contents
    /// of a cache, if one is named.
    ///
    /// # Errors
    /// If this kernel's slabs cannot be read, or it refuses the programs that read.
    pub fn slab_walk(
        &mut self,
        cache: Option<&Text>,
    ) -> anyhow::Result<(SlabWalk, Option<SlabInside>)> {
        let reader = self.kernel.reader()?;
        let mut walk = slabs::Walk::begin(&reader, now_ns())?;
        walk.look_inside(&reader, cache)?;
        while walk.step(&reader)? {
            self.memcgs.keep_up();
        }
        Ok(walk.finish(&reader, now_ns(), None)?)
    }

    /// Watches from now on which call sites allocate objects of a cache, if a walk finds one of
    /// that name. Returns the walk.
    ///
    /// # Errors
    /// If the hooks are not attached, this kernel's slabs cannot be read, or it refuses the programs
    /// that read.
    pub fn watch_callers(&mut self, cache: &Text) -> anyhow::Result<SlabWalk> {
        let (walk, _) = self.slab_walk(None)?;
        let callers = self.subjects.callers.as_mut();
        let why = || {
            let mut absent = self.absent.iter();
            let of_callers = absent.find(|one| one.section == Subject::Callers.name());
            of_callers.map_or_else(String::new, |one| one.reason.clone())
        };
        let callers = callers.with_context(why)?;
        let mut caches = walk.caches.iter();
        if let Some(found) = caches.find(|one| one.name == *cache || one.aliases.contains(cache)) {
            callers.watch(found)?;
        }
        Ok(walk)
    }
}
