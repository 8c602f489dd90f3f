//! Writeback for a memcg: each `bdi_writeback` holds a reference while it has inodes
//! (mm/backing-dev.c: cgwb_create(), cgwb_release_workfn()).

use crate::kernel::host::symbols::Symbol;
use std::collections::HashSet;

use super::file_object;
use super::holders::Kind;
use super::ledger::Ledger;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::superblocks;
use crate::kernel::debugger::visible_paths::VisiblePaths;
use crate::kernel::host::block_devices;
use crate::kernel::layout::fields::Field;
use crate::sample::Text;
use crate::sample::pins::{Inodes, Object, ObjectKind, PinKind};

/// Bound on the devices, and on the cgroups that write to one of them.
const MAX_LISTED: usize = 100_000;
/// Bound on the inodes of one file system, or of one writeback.
const MAX_INODES: usize = 1 << 20;
/// Inodes of one writeback that are listed.
const LISTED: usize = 16;

pub(super) fn count(
    reader: &Reader<'_>,
    paths: &mut VisiblePaths,
    ledger: &mut Ledger,
) -> Result<(), Unreadable> {
    let wb_list = reader.offset(Field::BdiWbList)?;
    let (devices, _) = reader.list(reader.symbol(Symbol::BdiList)?, Field::BdiList, MAX_LISTED)?;
    for device in devices {
        let Ok((writebacks, _)) = reader.list(device + wb_list, Field::WbBdiNode, MAX_LISTED)
        else {
            continue;
        };
        ledger.visited.objects += writebacks.len() as u64;
        let csses = reader.column(&writebacks, Field::WbMemcgCss)?;
        for (writeback, css) in writebacks.into_iter().zip(csses) {
            if css.is_some_and(|css| ledger.position(css).is_some()) {
                add(reader, paths, ledger, (device, writeback), css.unwrap_or(0))?;
            }
        }
    }
    Ok(())
}

/// Adds a writeback, with its inodes as parts.
fn add(
    reader: &Reader<'_>,
    paths: &mut VisiblePaths,
    ledger: &mut Ledger,
    (device, writeback): (u64, u64),
    css: u64,
) -> Result<(), Unreadable> {
    let attached = match attached(reader, device, writeback) {
        Ok(attached) => Some(attached),
        // Inodes move between lists while they are written: then their number is not known.
        Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => None,
        Err(why) => return Err(why),
    };
    let inodes = attached.as_ref().map(|attached| Inodes {
        dirty: attached.dirty.len() as u64,
        clean: attached.clean.len() as u64,
        are_given_away: reader.has(Field::WbAttached),
    });
    let attached = attached.unwrap_or_default();
    ledger.visited.objects += (attached.dirty.len() + attached.clean.len()) as u64;
    let Some(zombie) = ledger.zombie(css) else {
        return Ok(());
    };
    let name = reader.bytes(device, Field::BdiDevName);
    let dev = name.ok().map(|name| Text::from_c(&name));
    let of_device = Object {
        kind: ObjectKind::Writeback,
        refs: 1,
        inodes,
        dev_name: { dev.as_ref() }.and_then(|dev| block_devices::name(&dev.display())),
        dev,
        ..Object::default()
    };
    zombie.add(PinKind::Writeback, of_device);
    for inode in attached.dirty.iter().chain(&attached.clean).take(LISTED) {
        let mut object = Object::default();
        // The inode may be gone.
        if file_object::fill(reader, paths, *inode, &mut object).is_ok() {
            zombie.add_part(PinKind::Writeback, object, Some(Kind::Inode.at(*inode)));
        }
    }
    Ok(())
}

/// Inodes that are attached to a writeback.
#[derive(Default)]
struct Attached {
    dirty: Vec<u64>,
    clean: Vec<u64>,
}

/// Inodes that are dirty or under writeback are on lists; only some kernels have a list of the
/// clean ones. Elsewhere these are found among all inodes of the file systems on the device.
fn attached(reader: &Reader<'_>, device: u64, writeback: u64) -> Result<Attached, Unreadable> {
    let mut found = Attached::default();
    for list in [
        Field::WbIo,
        Field::WbMoreIo,
        Field::WbDirty,
        Field::WbDirtyTime,
    ] {
        found.dirty.extend(listed(reader, writeback, list)?);
    }
    if reader.has(Field::WbAttached) {
        found.clean = listed(reader, writeback, Field::WbAttached)?;
        return Ok(found);
    }
    let all = superblocks::all(reader)?;
    let devices = reader.column(&all, Field::SbBdi)?;
    let dirty: HashSet<u64> = found.dirty.iter().copied().collect();
    for (superblock, of) in all.into_iter().zip(devices) {
        if of != Some(device) {
            continue;
        }
        let head = superblock + reader.offset(Field::SbInodes)?;
        let (inodes, _) = reader.list(head, Field::InodeSbList, MAX_INODES)?;
        let writebacks = reader.column(&inodes, Field::InodeWb)?;
        let own = inodes.into_iter().zip(writebacks);
        let own = own.filter(|(inode, of)| *of == Some(writeback) && !dirty.contains(inode));
        found.clean.extend(own.map(|(inode, _)| inode));
    }
    Ok(found)
}

fn listed(reader: &Reader<'_>, writeback: u64, list: Field) -> Result<Vec<u64>, Unreadable> {
    let head = writeback + reader.offset(list)?;
    Ok(reader.list(head, Field::InodeIoList, MAX_INODES)?.0)
}
