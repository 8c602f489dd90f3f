//! Writeback on behalf of a memcg: each `bdi_writeback` holds a reference while it has inodes
//! (mm/backing-dev.c: cgwb_create(), cgwb_release_workfn()).

use super::Found;
use super::ledger::Ledger;
use crate::kernel::layout::fields::Field;
use crate::kernel::reader::Reader;
use crate::sample::Text;
use crate::sample::pins::{Object, ObjectKind, PinKind};

/// Devices, and cgroups that write to one of them.
const MOST: usize = 100_000;

pub(super) fn count(reader: &Reader<'_>, ledger: &mut Ledger) -> Found {
    let wb_list = reader.offset(Field::BdiWbList)?;
    let (devices, _) = reader.list(reader.symbol("bdi_list")?, Field::BdiList, MOST)?;
    for device in devices {
        let Ok((writebacks, _)) = reader.list(device + wb_list, Field::WbBdiNode, MOST) else {
            continue;
        };
        ledger.visited_objects += writebacks.len() as u64;
        for css in reader.column(&writebacks, Field::WbMemcgCss)? {
            let Some(zombie) = css.and_then(|css| ledger.zombie(css)) else {
                continue;
            };
            let name = reader.bytes(device, Field::BdiDevName);
            zombie.add(
                PinKind::Writeback,
                Object {
                    kind: ObjectKind::Writeback,
                    refs: 1,
                    dev: name.ok().map(|name| Text::from_c(&name)),
                    ..Object::default()
                },
            );
        }
    }
    Ok(())
}
