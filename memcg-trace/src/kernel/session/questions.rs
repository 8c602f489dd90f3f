//! Questions that a session answers beside its samples: who pins, and who holds slab memory.

use anyhow::Context as _;

use super::Session;
use crate::kernel::counted::memcgs::{DeadCss, dying};
use crate::kernel::host::clock::now_ns;
use crate::kernel::{pins, slabs};
use crate::sample::Text;
use crate::sample::pins::Pins;
use crate::sample::slab_inside::SlabInside;
use crate::sample::slab_walk::SlabWalk;

impl Session {
    /// Who pins the zombies of these serial numbers, or keeps the dead cgroups of these; all that
    /// there are, if there are none.
    ///
    /// # Errors
    /// If there is no list of memory cgroups, or the kernel refuses the programs that read.
    pub fn pins(&mut self, serial_nrs: &[u64]) -> anyhow::Result<Pins> {
        let memcgs = self.memcgs.list.as_mut();
        let memcgs = memcgs.context("look for pins: no list of memory cgroups here")?;
        // They may have died since.
        memcgs.walk(&self.kernel.ebpf, now_ns)?;
        let is_asked =
            |target: &DeadCss| serial_nrs.is_empty() || serial_nrs.contains(&target.serial_nr);
        let targets = memcgs.dead().iter().filter(|target| is_asked(target));
        let targets: Vec<_> = targets.copied().collect();
        let reader = self.kernel.reader()?;
        let dying = dying::look(&reader, memcgs.dead());
        let cgroups = dying.cgroups.iter().filter(|dead| is_asked(&dead.own));
        let cgroups: Vec<_> = cgroups.copied().collect();
        Ok(pins::look(&reader, &targets, (&dying, &cgroups), now_ns))
    }

    /// Who holds slab memory: all slabs of the host, at full speed; and what the objects of a
    /// cache are, if one is named.
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
}
