//! Writeback on behalf of a memcg: each `bdi_writeback` holds a reference while it has inodes
//! (mm/backing-dev.c: cgwb_create(), cgwb_release_workfn()).

use super::Found;
use super::files;
use super::ledger::Ledger;
use crate::kernel::block_devices;
use crate::kernel::layout::fields::Field;
use crate::kernel::reader::{Reader, is_kernel_address};
use crate::kernel::visible_paths::VisiblePaths;
use crate::sample::Text;
use crate::sample::pins::{Object, ObjectKind, PinKind};

/// Devices, and cgroups that write to one of them.
const MOST: usize = 100_000;

pub(super) fn count(reader: &Reader<'_>, paths: &mut VisiblePaths, ledger: &mut Ledger) -> Found {
    let wb_list = reader.offset(Field::BdiWbList)?;
    let (devices, _) = reader.list(reader.symbol("bdi_list")?, Field::BdiList, MOST)?;
    for device in devices {
        let Ok((writebacks, _)) = reader.list(device + wb_list, Field::WbBdiNode, MOST) else {
            continue;
        };
        ledger.visited.objects += writebacks.len() as u64;
        let csses = reader.column(&writebacks, Field::WbMemcgCss)?;
        for (writeback, css) in writebacks.into_iter().zip(csses) {
            let Some(zombie) = css.and_then(|css| ledger.zombie(css)) else {
                continue;
            };
            let mut object = Object::default();
            // What is written, or waits for it; it need not be there any more.
            if let Some(inode) = first_inode(reader, writeback)
                && files::fill(reader, paths, inode, &mut object).is_err()
            {
                object = Object::default();
            }
            let name = reader.bytes(device, Field::BdiDevName);
            let dev = name.ok().map(|name| Text::from_c(&name));
            zombie.add(
                PinKind::Writeback,
                Object {
                    kind: ObjectKind::Writeback,
                    refs: 1,
                    dev_name: dev
                        .as_ref()
                        .and_then(|dev| block_devices::name(&dev.display())),
                    dev,
                    ..object
                },
            );
        }
    }
    Ok(())
}

/// The first inode on any of its lists; only some kernels list those that are merely attached.
fn first_inode(reader: &Reader<'_>, writeback: u64) -> Option<u64> {
    let lists = [
        Field::WbIo,
        Field::WbMoreIo,
        Field::WbDirty,
        Field::WbDirtyTime,
        Field::WbAttached,
    ];
    let node = reader.offset(Field::InodeIoList).ok()?;
    lists.into_iter().find_map(|list| {
        let head = writeback + reader.offset(list).ok()?;
        let first = reader.word_at(head).ok()?;
        (first != head && is_kernel_address(first)).then(|| first.wrapping_sub(node))
    })
}
