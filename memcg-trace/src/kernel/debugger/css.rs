//! `struct cgroup_subsys_state`, of a controller or of a cgroup itself: its references, and its
//! children.

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;

/// The flags of `percpu_ref.percpu_count_ptr`: atomic and dead (include/linux/percpu-refcount.h).
const REF_KILLED: u64 = 3;
/// Most reads of a list of children that changes meanwhile.
const ATTEMPTS: u32 = 3;

/// The number of references, which is exact once the kill is confirmed (lib/percpu-refcount.c:
/// percpu_ref_kill_and_confirm()).
pub(crate) fn refs(
    reader: &Reader<'_>,
    css: u64,
    serial_nr: u64,
) -> Result<Option<i64>, Unreadable> {
    if reader.word(css, Field::CssSerialNr)? != serial_nr {
        return Err(Unreadable::Changed("the zombie"));
    }
    let data = reader.word(css, Field::CssRefcntData)?;
    let is_exact = reader.word(css, Field::CssRefcntPtr)? & REF_KILLED == REF_KILLED
        && reader.word(data, Field::RefConfirmSwitch)? == 0;
    let count = reader.word(data, Field::RefCount)?;
    Ok(is_exact.then_some(count.cast_signed()))
}

/// The children of a css, at most `most`. The list is read without a lock: if it leads elsewhere,
/// it is read again.
pub(crate) fn children(reader: &Reader<'_>, css: u64, most: usize) -> Result<Vec<u64>, Unreadable> {
    let head = css + reader.offset(Field::CssChildren)?;
    let mut outcome = Err(Unreadable::Changed("the list of cgroups"));
    for _ in 0..ATTEMPTS {
        outcome = reader.list(head, Field::CssSibling, most);
        if outcome.is_ok() {
            break;
        }
    }
    Ok(outcome?.0)
}

/// Whether the memory controller is in the unified hierarchy, whose root is `cgrp_dfl_root`.
pub(crate) fn is_unified(reader: &Reader<'_>) -> Result<bool, Unreadable> {
    let memcg = reader.word_at(reader.symbol(Symbol::RootMemCgroup)?)?;
    let cgroup = reader.word(memcg, Field::CssCgroup)?;
    Ok(reader.word(cgroup, Field::CgroupRoot)? == reader.symbol(Symbol::CgrpDflRoot)?)
}
