//! Where reclaim can move a file's pages, by the marks that the kernel itself goes by. Names of file
//! systems do not tell: others are made all the time.

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::pins::Backing;

/// `AS_UNEVICTABLE` (include/linux/pagemap.h: enum mapping_flags): its pages are on no list that
/// reclaim scans.
const UNEVICTABLE: u64 = 1 << 3;
/// `BDI_CAP_WRITEBACK` (include/linux/backing-dev.h): dirty pages can be written.
const WRITEBACK: u64 = 1;
/// `SB_NOUSER` (include/linux/fs.h): only the kernel mounts it.
const NO_USER: u64 = 1 << 31;

/// The backing of a file's pages.
pub(super) fn of(reader: &Reader<'_>, inode: u64, superblock: u64) -> Result<Backing, Unreadable> {
    let mapping = reader.word(inode, Field::InodeMapping)?;
    let operations = reader.word(mapping, Field::MappingOps)?;
    // Without hugetlbfs there is no such symbol.
    if reader.symbol(Symbol::HugetlbfsAops) == Ok(operations) {
        return Ok(Backing::HugePages);
    }
    if reader.word(mapping, Field::MappingFlags)? & UNEVICTABLE != 0 {
        return Ok(Backing::Memory);
    }
    if operations == reader.symbol(Symbol::ShmemAops)? {
        return Ok(Backing::Swap);
    }
    let bdi = reader.word(superblock, Field::SbBdi)?;
    let capabilities = reader.word(bdi, Field::BdiCapabilities)?;
    Ok(match capabilities & WRITEBACK {
        0 => Backing::Memory,
        _ => Backing::Storage,
    })
}

/// Whether a path can lead to the files of a superblock.
pub(super) fn is_mountable(reader: &Reader<'_>, superblock: u64) -> Result<bool, Unreadable> {
    Ok(reader.word(superblock, Field::SbFlags)? & NO_USER == 0)
}
