//! Files as objects that pin: the file system, the number, a path, and the kind.

use super::backing;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::superblocks;
use crate::kernel::debugger::visible_paths::VisiblePaths;
use crate::kernel::host::block_devices;
use crate::kernel::layout::fields::Field;
use crate::sample::Text;
use crate::sample::pins::{Object, ObjectKind};

/// File systems that keep their names in memory only (their `kill_sb` is `kill_litter_super()`).
const IN_MEMORY: [&[u8]; 4] = [b"tmpfs", b"ramfs", b"hugetlbfs", b"devtmpfs"];

/// Returns whether a name of an inode has a reference of its own until it is removed.
pub(super) fn keeps_names(reader: &Reader<'_>, inode: u64) -> Result<bool, Unreadable> {
    let superblock = reader.word(inode, Field::InodeSb)?;
    let (fs, _) = superblocks::describe(reader, superblock)?;
    Ok(IN_MEMORY.contains(&fs.as_bytes()))
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
