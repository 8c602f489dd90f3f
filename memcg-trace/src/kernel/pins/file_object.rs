//! Files as objects that pin: the file system, the number, a path, and the kind.

use super::backing;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::superblocks;
use crate::kernel::debugger::visible_paths::VisiblePaths;
use crate::kernel::host::block_devices;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::Text;
use crate::sample::pins::{Object, ObjectKind};

/// Returns whether a name of an inode has a reference of its own until it is removed, as in file
/// systems that keep their names in memory only.
pub(super) fn keeps_name(reader: &Reader<'_>, inode: u64, dentry: u64) -> Result<bool, Unreadable> {
    if let Some(persistent) = reader.resolved.persistent_name {
        return Ok(reader.word(dentry, Field::DentryFlags)? & persistent != 0);
    }
    if reader.word(dentry, Field::DentryHashed)? == 0 {
        return Ok(false);
    }
    // Without the mark on each name (before 6.19), what is called at the last unmount tells: this
    // function puts these references (fs/super.c). Others that call it are of file systems whose
    // files have no pages.
    let superblock = reader.word(inode, Field::InodeSb)?;
    let fs_type = reader.word(superblock, Field::SbType)?;
    let kill_sb = reader.word(fs_type, Field::FsTypeKillSb)?;
    Ok(kill_sb == reader.symbol(Symbol::KillLitterSuper)?
        || reader.symbol(Symbol::RamfsKillSb) == Ok(kill_sb))
}

/// Describes the file of an inode.
pub(super) fn fill(
    reader: &Reader<'_>,
    paths: &mut VisiblePaths,
    inode: u64,
    object: &mut Object,
) -> Result<(), Unreadable> {
    let superblock = reader.word(inode, Field::InodeSb)?;
    let (fs, dev) = superblocks::describe(reader, superblock)?;
    object.fs = Some(fs);
    object.ino = Some(reader.word(inode, Field::InodeIno)?);
    object.links = Some(reader.word(inode, Field::InodeNlink)?);
    if object
        .fs
        .as_ref()
        .is_some_and(|fs| fs.as_bytes() == b"bdev")
    {
        // The page cache of a block device itself, which has its number in the inode, not in the
        // superblock.
        let dev = superblocks::device(reader.word(inode, Field::InodeRdev)?);
        object.kind = ObjectKind::BlockDevice;
        object.dev_name = block_devices::name(&dev);
        object.dev = Some(Text::from(&*dev));
        object.path = object.dev_name.clone();
        return Ok(());
    }
    object.backing = backing::of(reader, inode, superblock).ok();
    object.is_mountable = backing::is_mountable(reader, superblock).ok();
    object.dev_name = block_devices::name(&dev);
    object.dev = Some(Text::from(&*dev));
    if let Some(found) = paths.of_inode(reader, inode, superblock) {
        object.path = Some(found.path);
        object.path_of_pid = found.of_pid;
    }
    let is_deleted = object.links == Some(0);
    let path = object.path.as_ref().map_or(&b""[..], Text::as_bytes);
    object.kind = if !is_deleted {
        ObjectKind::File
    } else if path.starts_with(b"memfd:") {
        ObjectKind::Memfd
    } else if path.starts_with(b"SYSV") {
        ObjectKind::SysvShm
    } else if path == b"dev/zero" {
        // This is no path: the kernel's name for memory that was shared without a file (mm/shmem.c:
        // shmem_zero_setup()).
        ObjectKind::SharedAnon
    } else {
        ObjectKind::DeletedFile
    };
    Ok(())
}
