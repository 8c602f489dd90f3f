//! Users of a block device: file systems on it, processes that have it open, and swap.

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::paths;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::superblocks;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::HolderSearch;
use crate::sample::Text;
use crate::sample::pins::{User, UserKind};

use super::{mounts, swap_files};

/// Bound on the mounts of one file system.
const MAX_MOUNTS: usize = 1024;
/// Users of one device that are listed.
const MAX_USERS: usize = 16;

/// The users of a disk, or of a partition of it, by the disk's name.
pub(super) fn users_of_disk(
    search: &mut HolderSearch<'_, '_>,
    disk: &str,
) -> Result<Vec<User>, Unreadable> {
    let reader = search.reader;
    let is_it = |device: u64| {
        disk_name(reader, device).is_ok_and(|name| name.as_bytes() == disk.as_bytes())
    };
    let mut users = Vec::new();
    let all = superblocks::all(reader)?;
    let devices = reader.column(&all, Field::SbBdev)?;
    for (superblock, device) in all.into_iter().zip(devices) {
        if !device.is_some_and(|device| device != 0 && is_it(device)) {
            continue;
        }
        for mount in paths::mounts(reader, superblock, MAX_MOUNTS)? {
            users.push(mounts::user(search, mount));
        }
    }
    for (device, name) in swap_files::devices(search)? {
        if is_it(device) {
            users.push(swap_files::user(name));
        }
    }
    for file in search
        .open
        .of_kind(reader, &[Symbol::DefBlkFops], Field::FileMapping)?
    {
        let inode = reader.word(file.object, Field::MappingHost)?;
        let inside = reader.offset(Field::BdevInode)?;
        if is_it(inode.wrapping_sub(inside))
            && let Some(user) = search.task(file.task, UserKind::Open)
        {
            users.push(User {
                fd: Some(file.fd),
                ..user
            });
        }
    }
    users.truncate(MAX_USERS);
    Ok(users)
}

/// Name of the disk that a block device is, or is a partition of.
fn disk_name(reader: &Reader<'_>, device: u64) -> Result<Text, Unreadable> {
    let disk = reader.word(device, Field::BdevDisk)?;
    let name = reader.bytes(disk, Field::DiskName)?;
    Ok(Text::from_c(&name))
}
