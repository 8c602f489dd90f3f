//! Questions that a session answers beside its samples: the pins of zombies, and the owners of slab
//! memory.

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
}
