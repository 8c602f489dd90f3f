//! Pressure of memcgs, as the kernel itself measures it (PSI).

use crate::kernel::counted::memcgs::Memcgs;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address};
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::reclaim::{Pressure, Reclaim};

/// The pressure of the memcgs that have rows. Memcgs without PSI, and those that
/// cannot be read, are left out.
pub(super) fn pressure(reclaim: &Reclaim, memcgs: &Memcgs, reader: &Reader<'_>) -> Vec<Pressure> {
    if is_off(reader) {
        return Vec::new();
    }
    let rows = reclaim.counts.iter();
    let mut all: Vec<u64> = rows
        .flat_map(|row| [row.memcg_serial_nr, row.limit_serial_nr])
        .flatten()
        .collect();
    all.sort_unstable();
    all.dedup();
    let found = all.into_iter().filter_map(|serial_nr| {
        let css = memcgs.css(serial_nr)?;
        pressure_of(serial_nr, css, reader).ok().flatten()
    });
    found.collect()
}

/// Whether the kernel measures no pressure (`psi=0`): the first word of the static key
/// `psi_disabled` says how often the key was enabled.
fn is_off(reader: &Reader<'_>) -> bool {
    let key = reader.symbol(Symbol::PsiDisabled);
    key.and_then(|key| reader.word_at(key))
        .is_ok_and(|word| word & 0xffff_ffff != 0)
}

/// The pressure of a memcg; the root has that of the host (kernel/sched/psi.c: psi_memory_show()).
fn pressure_of(
    serial_nr: u64,
    css: u64,
    reader: &Reader<'_>,
) -> Result<Option<Pressure>, Unreadable> {
    /// `psi_group.total[PSI_AVGS]` has a word for each state; those of memory are third and fourth
    /// (include/linux/psi_types.h: enum psi_states).
    const MEM_SOME: usize = 2;
    const MEM_FULL: usize = 3;
    let group = match reader.word(css, Field::CssParent)? {
        0 => reader.symbol(Symbol::PsiSystem)?,
        _ => group_of(reader.word(css, Field::CssCgroup)?, reader)?,
    };
    if !is_kernel_address(group) {
        return Ok(None);
    }
    let totals = reader.words(group, Field::PsiTotal)?;
    // The memory of a css that is gone may have another owner by now.
    if reader.word(css, Field::CssSerialNr)? != serial_nr {
        return Ok(None);
    }
    let at = |state: usize| totals.get(state).copied();
    Ok(at(MEM_SOME).zip(at(MEM_FULL)).map(|(some, full)| Pressure {
        memcg_serial_nr: serial_nr,
        some_ns_total: some,
        full_ns_total: full,
    }))
}

/// The `psi_group` of a cgroup: embedded until 6.0, by pointer since.
fn group_of(cgroup: u64, reader: &Reader<'_>) -> Result<u64, Unreadable> {
    let place = reader.place(Field::CgroupPsi)?;
    match place.bytes {
        8 => reader.word(cgroup, Field::CgroupPsi),
        _ => Ok(cgroup.wrapping_add(place.offset)),
    }
}
