//! Memory cgroups: the walk, and the events of their creation and release.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::Context as _;
use aya::Ebpf;
use aya::maps::{MapData, ProgramArray, RingBuf};
use memcg_trace_common::memcg::{
    ABSENT_BYTES, ABSENT_CGROUP_POPULATED, ABSENT_POPULATED, LifeRecord, MemcgEventKind as Kind,
    MemcgRow, MemcgWalk, NAME_BYTES, css_flags,
};
use zerocopy::{FromBytes as _, FromZeros as _};

use crate::kernel::counted::memcgs::dead_css::DeadCss;
use crate::kernel::debugger::resolver::run;
use crate::kernel::hooks::programs::load_walk;
use crate::kernel::maps::take_map;
use crate::kernel::maps::value::{MapValue, SingleValueMap};
use crate::sample::{Memcg, MemcgEvent, MemcgEventKind, MemcgWalk as Walk, Text};

/// Pages are of 4 KiB on x86-64.
const PAGE_BYTES: u64 = 4096;
/// The flag in `percpu_ref.percpu_count_ptr` of a killed reference, whose count is in one place
/// (include/linux/percpu-refcount.h).
const REF_ATOMIC: u64 = 1;
const REF_DEAD: u64 = 2;
/// Steps after which a walk is aborted: four for each of five million memcgs.
const STEPS: u64 = 20_000_000;

const ENTER: &str = "memcg_walk_enter";
const WALK: &str = "memcg_walk";

/// The reader of memory cgroups.
pub(crate) struct Memcgs {
    state: SingleValueMap<MemcgWalk>,
    /// The map that the tail call goes through; it must stay open.
    _next: ProgramArray<MapData>,
    life: RingBuf<MapData>,
    /// The dead memcgs of the last walk.
    dead: Vec<DeadCss>,
    /// Addresses of all memcgs by serial number, and whether they were dead.
    csses: HashMap<u64, (u64, bool)>,
    /// The newest memcg; `None` if the last walk was not complete.
    newest: Option<u64>,
}

impl Memcgs {
    pub(crate) fn open(ebpf: &mut Ebpf) -> anyhow::Result<Self> {
        load_walk(ebpf, ENTER)?;
        let body = load_walk(ebpf, WALK)?
            .fd()
            .context("program memcg_walk")?
            .try_clone()?;
        let mut next: ProgramArray<MapData> = take_map(ebpf, "MEMCG_WALK_NEXT")?;
        next.set(0, &body, 0).context("let the walk call itself")?;
        Ok(Self {
            state: take_map(ebpf, "MEMCG_WALK")?,
            _next: next,
            life: take_map(ebpf, "LIFE")?,
            dead: Vec::new(),
            csses: HashMap::new(),
            newest: None,
        })
    }

    /// Walks all memory cgroups in short runs.
    pub(crate) fn walk(&mut self, ebpf: &Ebpf, now_ns: impl Fn() -> u64) -> anyhow::Result<Walk> {
        let mut walk = Walk {
            begin_ns: now_ns(),
            ..Walk::default()
        };
        let begin = Instant::now();
        let mut state = Box::new(MapValue(MemcgWalk::new_zeroed()));
        self.state
            .set(0, *state, 0)
            .context("begin the walk of memory cgroups")?;
        self.dead.clear();
        self.csses.clear();
        loop {
            run(ebpf, ENTER)?;
            *state = self
                .state
                .get(&0, 0)
                .context("walk memory cgroups: read the rows")?;
            let state = &state.0;
            let rows = state.row.iter().take(state.rows as usize);
            let dead = rows.clone().filter(|row| is_dead(row.flags));
            self.dead.extend(dead.map(|row| DeadCss {
                css: row.css,
                serial_nr: row.serial_nr,
            }));
            self.csses.extend(
                rows.clone()
                    .map(|row| (row.serial_nr, (row.css, is_dead(row.flags)))),
            );
            walk.rows.extend(rows.map(memcg));
            if state.done != 0 || state.steps > STEPS {
                let cut = state.skipped != 0 || state.done == 0;
                walk.truncated_at = cut.then_some(walk.rows.len() as u64);
                break;
            }
        }
        let newest = self.csses.keys().max().copied();
        self.newest = newest.filter(|_| walk.truncated_at.is_none());
        walk.took_ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        walk.end_ns = now_ns();
        Ok(walk)
    }

    /// The dead memcgs of the last walk.
    pub(crate) fn dead(&self) -> &[DeadCss] {
        &self.dead
    }

    /// The address of a memcg as of the last walk; it may have been released since.
    pub(crate) fn css(&self, serial_nr: u64) -> Option<u64> {
        self.csses.get(&serial_nr).map(|(css, _)| *css)
    }

    /// All memcgs of the last walk: serial number, address, and whether it was dead.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, u64, bool)> {
        let all = self.csses.iter();
        all.map(|(serial_nr, (css, is_dead))| (*serial_nr, *css, *is_dead))
    }

    /// Whether a memcg was released before the last walk: the list lacks it and has memcgs that
    /// were made later.
    pub(crate) fn is_gone(&self, serial_nr: u64) -> bool {
        let was_made = self.newest.is_some_and(|newest| serial_nr <= newest);
        was_made && !self.csses.contains_key(&serial_nr)
    }

    /// Whether a memcg was dead at the last walk.
    pub(crate) fn is_dead(&self, serial_nr: u64) -> bool {
        self.csses
            .get(&serial_nr)
            .is_some_and(|(_, is_dead)| *is_dead)
    }

    /// Takes all events from the buffer.
    pub(crate) fn drain(&mut self, life: &mut Vec<MemcgEvent>) {
        while let Some(item) = self.life.next() {
            if let Ok((record, _)) = LifeRecord::read_from_prefix(&item) {
                life.push(event(&record));
            }
        }
    }
}

/// Whether a css is that of a zombie: killed or offline, and not released.
fn is_dead(flags: u32) -> bool {
    flags & css_flags::RELEASED == 0
        && (flags & css_flags::DYING != 0 || flags & css_flags::ONLINE == 0)
}

fn memcg(row: &MemcgRow) -> Memcg {
    let killed = row.ref_mode & REF_DEAD != 0;
    let confirmed = killed && row.ref_mode & REF_ATOMIC != 0 && row.ref_confirm == 0;
    let bytes = |pages: u64| Some(pages.saturating_mul(PAGE_BYTES));
    let slab = [row.slab_reclaimable_bytes, row.slab_unreclaimable_bytes];
    Memcg {
        serial_nr: row.serial_nr,
        parent_serial_nr: (row.parent_serial_nr != 0).then_some(row.parent_serial_nr),
        cgroup_id: row.cgroup_id,
        css_id: row.css_id,
        name: name(&row.name, row.name_bytes),
        flags: row.flags,
        killed,
        confirmed,
        refs: confirmed.then_some(row.refs),
        populated: (row.populated != ABSENT_POPULATED).then_some(row.populated),
        has_tasks: (row.cgroup_populated != ABSENT_CGROUP_POPULATED)
            .then_some(row.cgroup_populated > 0),
        usage_bytes: bytes(row.usage_pages),
        high_bytes: bytes(row.high_pages),
        max_bytes: bytes(row.max_pages),
        low_bytes: u64::try_from(row.low_pages).ok().and_then(bytes),
        lru_pages: None,
        swap_entries: None,
        own_cost_bytes: None,
        // A counter that is the sum of per-CPU parts can be a little below zero.
        kmem_bytes: (row.kmem_pages != ABSENT_BYTES)
            .then(|| u64::try_from(row.kmem_pages).unwrap_or(0))
            .and_then(bytes),
        slab_bytes: (!slab.contains(&ABSENT_BYTES)).then(|| {
            slab.iter()
                .map(|part| u64::try_from(*part).unwrap_or(0))
                .sum()
        }),
    }
}

fn event(record: &LifeRecord) -> MemcgEvent {
    MemcgEvent {
        kind: match record.kind {
            kind if kind == Kind::Online as u32 => MemcgEventKind::Online,
            kind if kind == Kind::Offline as u32 => MemcgEventKind::Offline,
            kind if kind == Kind::Released as u32 => MemcgEventKind::Released,
            kind if kind == Kind::Freed as u32 => MemcgEventKind::Freed,
            _ => MemcgEventKind::Other,
        },
        time_ns: record.time_ns,
        serial_nr: record.serial_nr,
        parent_serial_nr: (record.parent_serial_nr != 0).then_some(record.parent_serial_nr),
        cgroup_id: record.cgroup_id,
        css_id: record.css_id,
        name: name(&record.name, record.name_bytes),
        pid: record.pid,
        comm: Text::from_c(&record.comm),
        // A figure below zero means that the pages could not be counted.
        lru_pages: u64::try_from(record.lru_pages).ok(),
    }
}

fn name(bytes: &[u8; NAME_BYTES], used: u32) -> Text {
    // The root's directory has an empty name.
    Text::from(&bytes[..(used as usize).min(NAME_BYTES)])
}
