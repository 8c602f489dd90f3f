//! Inodes of block devices, whose pages are those of the device itself. The device has a reference
//! to its inode (block/bdev.c: bdev_alloc()), and a file system that is mounted from it has a file
//! of it open (since 6.9; before, it holds only the device).

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::paths;
use crate::kernel::debugger::superblocks;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::{HolderSearch, of_kernel};
use crate::kernel::pins::holders::Kind;
use crate::sample::pins::User;

use super::mounts;

/// Mounts of one file system that are named.
const MAX_MOUNTS: usize = 16;

pub(super) fn inodes(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let reader = search.reader;
    let mut are_any = false;
    for inode in search.holders.inodes() {
        let superblock = reader.word(inode, Field::InodeSb)?;
        let (fs, _) = superblocks::describe(reader, superblock)?;
        if fs.as_bytes() == b"bdev" {
            are_any = true;
            if reader.has(Field::BdevDevice) {
                search.explain(Kind::Inode.at(inode), 1);
            }
        }
    }
    // This function makes the files (block/bdev.c); before it was there, there were none.
    let has_files = reader.symbol(Symbol::BdevFileOpenByDev).is_ok();
    if !are_any || !has_files && !reader.has(Field::SbBdevFile) {
        return Ok(());
    }
    let all = superblocks::all(reader)?;
    search.visited += all.len() as u64;
    let files = reader.column(&all, Field::SbBdevFile)?;
    for (superblock, file) in all.into_iter().zip(files) {
        let file = Kind::File.at(file.unwrap_or(0));
        if !search.wants(file) {
            continue;
        }
        let mounts = paths::mounts(reader, superblock, MAX_MOUNTS)?;
        let mut users: Vec<_> = mounts
            .iter()
            .map(|one| mounts::user(search, *one))
            .collect();
        if users.is_empty() {
            users.push(of_kernel("a file system that is not mounted any more"));
        }
        // The file system has one reference, however often it is mounted.
        for (at, user) in users.into_iter().enumerate() {
            let refs = Some(u64::from(at == 0));
            search.hold(file, User { refs, ..user });
        }
    }
    Ok(())
}
