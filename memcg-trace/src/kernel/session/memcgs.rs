//! Memory cgroups in a session: the walk, creation and release, and what zombies hold.

use std::time::{Duration, Instant};

use aya::Ebpf;

use crate::kernel::Subject;
use crate::kernel::counted::memcgs::{Memcgs, dying, zombie_figures};
use crate::kernel::counted::subject::Opening;
use crate::kernel::debugger::kernel::Kernel;
use crate::kernel::host::clock::now_ns;
use crate::sample::{MemcgEvent, Sample};

/// The part of one CPU that walks may use, as one in so many.
const WALK_BUDGET: u32 = 100;

pub(super) struct MemcgWalks {
    pub(super) list: Option<Memcgs>,
    /// Whether creation and release are reported.
    pub(super) reads_events: bool,
    life: Vec<MemcgEvent>,
    walk_due: Instant,
}

impl MemcgWalks {
    /// Opens the readers. This must happen before the hooks are attached, whose events need a
    /// buffer.
    pub(super) fn open(ebpf: &mut Ebpf, opening: &mut Opening<'_>, able: &[Subject]) -> Self {
        let is_wanted = able.contains(&Subject::Memcg);
        let list = opening.open(Subject::Memcg, is_wanted, || Memcgs::open(ebpf));
        Self {
            // Events of creation and release are read through the list.
            reads_events: able.contains(&Subject::MemcgEvents) && list.is_some(),
            list,
            life: Vec::new(),
            walk_due: Instant::now(),
        }
    }

    /// Drops the events of the time while hooks were being attached.
    pub(super) fn begin(&mut self) {
        self.keep_up();
        self.life.clear();
    }

    /// Takes events out of the kernel's buffer.
    pub(super) fn keep_up(&mut self) {
        if let Some(list) = &mut self.list {
            list.drain(&mut self.life);
        }
    }

    /// Walks the list, if that is due.
    pub(super) fn walk(&mut self, kernel: &mut Kernel, sample: &mut Sample) -> anyhow::Result<()> {
        let Some(list) = &mut self.list else {
            return Ok(());
        };
        if self.walk_due > Instant::now() {
            return Ok(());
        }
        let mut walk = list.walk(&kernel.ebpf, now_ns)?;
        let begin = Instant::now();
        let reader = kernel.reader()?;
        zombie_figures::fill(&reader, list.dead(), &mut walk.rows);
        let mut dying = dying::look(&reader, list.dead()).counts;
        dying.as_of_ns = now_ns();
        walk.took_ns += u64::try_from(begin.elapsed().as_nanos()).unwrap_or(0);
        self.walk_due = Instant::now() + Duration::from_nanos(walk.took_ns) * (WALK_BUDGET - 1);
        walk.reparents_lru = Some(kernel.resolved.pages.owner_is_objcg);
        sample.memcgs = Some(walk);
        sample.dying = Some(dying);
        Ok(())
    }

    /// Creations and releases since the last sample; `None` if they are not observed.
    pub(super) fn take_life(&mut self) -> Option<Vec<MemcgEvent>> {
        self.reads_events.then(|| std::mem::take(&mut self.life))
    }
}
