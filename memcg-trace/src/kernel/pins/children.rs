//! Memory cgroups below: each holds a reference on its parent until its memory goes.

use super::Found;
use super::ledger::Ledger;
use crate::kernel::layout::fields::Field;
use crate::kernel::reader::Reader;
use crate::sample::pins::{Object, ObjectKind, PinKind};

/// Children of one that are counted.
const MOST: usize = 100_000;

pub(super) fn count(reader: &Reader<'_>, ledger: &mut Ledger) -> Found {
    let children = reader.offset(Field::CssChildren)?;
    for zombie in &mut ledger.zombies {
        let (found, all) = reader.list(zombie.css + children, Field::CssSibling, MOST)?;
        ledger.visited_objects += found.len() as u64;
        let serial_nrs = reader.column(&found, Field::CssSerialNr)?;
        for serial_nr in serial_nrs {
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
    }
    Ok(())
}
