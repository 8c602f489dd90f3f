//! Child memory cgroups: each holds a reference to its parent until its memory is freed.

use super::ledger::{Visited, Zombie};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;
use crate::sample::pins::{Object, ObjectKind, PinKind};

/// Bound on the children of one memcg.
const MAX_CHILDREN: usize = 100_000;

pub(super) fn count(
    reader: &Reader<'_>,
    zombie: &mut Zombie,
    visited: &mut Visited,
) -> Result<(), Unreadable> {
    let head = zombie.css + reader.offset(Field::CssChildren)?;
    let (found, all) = reader.list(head, Field::CssSibling, MAX_CHILDREN)?;
    visited.objects += found.len() as u64;
    for serial_nr in reader.column(&found, Field::CssSerialNr)? {
        zombie.add(
            PinKind::ChildCss,
            Object {
                kind: ObjectKind::Memcg,
                refs: 1,
                memcg_serial_nr: serial_nr,
                ..Object::default()
            },
        );
    }
    if !all {
        zombie.truncate(PinKind::ChildCss);
    }
    Ok(())
}
