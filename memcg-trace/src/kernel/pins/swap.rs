//! Pages in swap. Each names the memcg by its id, and the id holds one reference for all of them
//! (mm/memcontrol.c: mem_cgroup_id_put_many()).

use memcg_trace_common::memcg::css_flags;

use super::ledger::Zombie;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;
use crate::sample::pins::{Object, ObjectKind, PinKind};

pub(super) fn count(reader: &Reader<'_>, zombie: &mut Zombie) -> Result<(), Unreadable> {
    // Until the memcg is offline, the id has a reference of its own.
    let flags = reader.word(zombie.css, Field::CssFlags)?;
    let entries = reader.word(zombie.css, Field::MemcgIdRef)?;
    if entries > 0 && flags & u64::from(css_flags::ONLINE) == 0 {
        zombie.add(
            PinKind::Swap,
            Object {
                kind: ObjectKind::SwapId,
                refs: 1,
                pages: Some(entries),
                ..Object::default()
            },
        );
    }
    Ok(())
}
