//! Superblocks: mounted file systems, and those that only the kernel mounts.

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::Text;

/// Most superblocks of one host.
const MAX_SUPERBLOCKS: usize = 1 << 16;
/// Most bytes of a file system's name.
const NAME_BYTES: usize = 64;
/// A device number is a major number and, in its lower bits, a minor one
/// (include/linux/kdev_t.h: MINORBITS).
const MINOR_BITS: u32 = 20;

/// All superblocks (fs/super.c: super_blocks).
pub(crate) fn all(reader: &Reader<'_>) -> Result<Vec<u64>, Unreadable> {
    let (all, _) = reader.list(
        reader.symbol(Symbol::SuperBlocks)?,
        Field::SbList,
        MAX_SUPERBLOCKS,
    )?;
    Ok(all)
}

/// Name of a superblock's file system, and its device as `major:minor`.
pub(crate) fn describe(reader: &Reader<'_>, superblock: u64) -> Result<(Text, String), Unreadable> {
    let fs_type = reader.word(superblock, Field::SbType)?;
    let name = reader.word(fs_type, Field::FsTypeName)?;
    let name = reader.string(name, NAME_BYTES)?;
    let dev = reader.word(superblock, Field::SbDev)?;
    Ok((name, device(dev)))
}

/// A device number as `major:minor`.
pub(crate) fn device(number: u64) -> String {
    let minor = number & ((1 << MINOR_BITS) - 1);
    format!("{}:{minor}", number >> MINOR_BITS)
}
