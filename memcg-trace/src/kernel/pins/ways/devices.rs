//! Users of a block device: file systems on it, processes that have it open, swap, and devices that
//! are made of it. The device counts who has opened it, so that others are known by their number.

use std::collections::HashSet;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::paths;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::superblocks;
use crate::kernel::host::block_devices;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::{HolderSearch, of_kernel};
use crate::sample::Text;
use crate::sample::pins::{User, UserKind};
use crate::units;

use super::{mounts, swap_files};

/// Bound on the mounts of one file system.
const MAX_MOUNTS: usize = 1024;
/// Users of one device that are listed.
const MAX_USERS: usize = 16;
/// Bound on the block devices of one host.
const MAX_DEVICES: usize = 1 << 16;
/// Devices on top of each other that are followed.
const MAX_DEPTH: usize = 8;

/// The users that were found, and how often they have the device open together.
#[derive(Default)]
struct Found {
    users: Vec<User>,
    openers: u64,
}

/// The users of a disk, or of a partition of it, by the disk's name.
pub(super) fn users_of_disk(
    search: &mut HolderSearch<'_, '_>,
    disk: &str,
) -> Result<Vec<User>, Unreadable> {
    users(search, disk, MAX_DEPTH)
}

fn users(
    search: &mut HolderSearch<'_, '_>,
    disk: &str,
    depth: usize,
) -> Result<Vec<User>, Unreadable> {
    let reader = search.reader;
    let all = superblocks::all(reader)?;
    // Who opens it meanwhile was not counted.
    let counted = openers(reader, &all, disk);
    let mut found = Found::default();
    file_systems(search, &all, disk, &mut found)?;
    swap(search, disk, &mut found)?;
    descriptors(search, disk, &mut found)?;
    if depth > 0 {
        for above in block_devices::made_of(disk) {
            found.openers += 1;
            found.users.push(User {
                kind: UserKind::Device,
                name: Some(block_devices::path_of_disk(&above)),
                held_by: users(search, &above, depth - 1)?,
                ..User::default()
            });
        }
    }
    let mut users = found.users;
    users.truncate(MAX_USERS);
    match counted.map(|counted| counted.saturating_sub(found.openers)) {
        Ok(0) => {}
        Ok(missing) => {
            let what = units::things(missing, "user");
            let is = units::is(missing);
            users.push(of_kernel(&*format!(
                "{what} of /dev/{disk} that {is} not known"
            )));
        }
        Err(why) => {
            let what = format!("users of /dev/{disk} whose number was not read ({why})");
            users.push(of_kernel(&*what));
        }
    }
    Ok(users)
}

/// The number of times that a disk is open. The count of the disk itself includes those of its
/// partitions (block/bdev.c: blkdev_get_part()).
fn openers(reader: &Reader<'_>, superblocks: &[u64], disk: &str) -> Result<u64, Unreadable> {
    let inside = reader.offset(Field::BdevInode)?;
    let mut most = 0;
    for superblock in superblocks {
        let (fs, _) = superblocks::describe(reader, *superblock)?;
        if fs.as_bytes() != b"bdev" {
            continue;
        }
        let head = superblock + reader.offset(Field::SbInodes)?;
        let (inodes, _) = reader.list(head, Field::InodeSbList, MAX_DEVICES)?;
        for inode in inodes {
            let device = inode.wrapping_sub(inside);
            if is_of_disk(reader, device, disk) {
                most = most.max(reader.word(device, Field::BdevOpeners)?);
            }
        }
    }
    Ok(most)
}

fn file_systems(
    search: &HolderSearch<'_, '_>,
    superblocks: &[u64],
    disk: &str,
    found: &mut Found,
) -> Result<(), Unreadable> {
    let reader = search.reader;
    let devices = reader.column(superblocks, Field::SbBdev)?;
    for (superblock, device) in superblocks.iter().zip(devices) {
        if !device.is_some_and(|device| device != 0 && is_of_disk(reader, device, disk)) {
            continue;
        }
        found.openers += 1;
        let mounts = paths::mounts(reader, *superblock, MAX_MOUNTS)?;
        if mounts.is_empty() {
            let unmounted = "a file system that is not mounted any more";
            found.users.push(of_kernel(unmounted));
        }
        let users = mounts.into_iter().map(|mount| mounts::user(search, mount));
        found.users.extend(users);
    }
    Ok(())
}

fn swap(
    search: &mut HolderSearch<'_, '_>,
    disk: &str,
    found: &mut Found,
) -> Result<(), Unreadable> {
    for (device, name) in swap_files::devices(search)? {
        if is_of_disk(search.reader, device, disk) {
            found.openers += 1;
            found.users.push(swap_files::user(name));
        }
    }
    Ok(())
}

/// Processes that have it open. A file counts once, however many descriptors it has.
fn descriptors(
    search: &HolderSearch<'_, '_>,
    disk: &str,
    found: &mut Found,
) -> Result<(), Unreadable> {
    let reader = search.reader;
    let inside = reader.offset(Field::BdevInode)?;
    let open = &search.open;
    let files = open.of_kind(reader, &[Symbol::DefBlkFops], Field::FileMapping)?;
    let mut counted = HashSet::new();
    for file in files {
        let inode = reader.word(file.object, Field::MappingHost)?;
        if !is_of_disk(reader, inode.wrapping_sub(inside), disk) {
            continue;
        }
        found.openers += u64::from(counted.insert(file.file));
        if let Some(user) = search.task(file.task, UserKind::Open) {
            let fd = Some(file.fd);
            found.users.push(User { fd, ..user });
        }
    }
    Ok(())
}

/// Returns whether a block device is this disk, or a partition of it.
fn is_of_disk(reader: &Reader<'_>, device: u64, disk: &str) -> bool {
    let name = || -> Result<Text, Unreadable> {
        let disk = reader.word(device, Field::BdevDisk)?;
        let name = reader.bytes(disk, Field::DiskName)?;
        Ok(Text::from_c(&name))
    };
    name().is_ok_and(|name| name.as_bytes() == disk.as_bytes())
}
