//! Reservations of huge pages: each range that is reserved in a file holds a reference to the css
//! of the hugetlb controller (mm/hugetlb.c: record_hugetlb_cgroup_uncharge_info()), as long as the
//! file exists.

use std::collections::{BTreeMap, HashMap};

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::superblocks;
use crate::kernel::layout::fields::Field;

/// Files of one file system, and ranges of one file.
const MAX_LISTED: usize = 1 << 20;

/// By css: inodes of hugetlbfs, with the number of ranges in each.
pub(super) type Reserved = HashMap<u64, BTreeMap<u64, u64>>;

/// Scans all files of hugetlbfs, on a kernel that has the controller.
pub(super) fn reserved(reader: &Reader<'_>) -> Result<Reserved, Unreadable> {
    let mut of_csses = Reserved::new();
    for superblock in superblocks::all(reader)? {
        let Ok((fs, _)) = superblocks::describe(reader, superblock) else {
            continue;
        };
        if fs.as_bytes() != b"hugetlbfs" {
            continue;
        }
        let head = superblock + reader.offset(Field::SbInodes)?;
        let (inodes, _) = reader.list(head, Field::InodeSbList, MAX_LISTED)?;
        for inode in inodes {
            let csses = match of_file(reader, inode) {
                Ok(csses) => csses,
                // The file is removed or written meanwhile.
                Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => continue,
                Err(why) => return Err(why),
            };
            for css in csses {
                *of_csses.entry(css).or_default().entry(inode).or_default() += 1;
            }
        }
    }
    Ok(of_csses)
}

/// The css of each range. Older kernels have the map of the ranges with the page cache.
fn of_file(reader: &Reader<'_>, inode: u64) -> Result<Vec<u64>, Unreadable> {
    let map = match reader.has(Field::HugeReserved) {
        true => {
            let info = inode.wrapping_sub(reader.offset(Field::HugeInode)?);
            reader.word(info, Field::HugeReserved)?
        }
        false => {
            let mapping = reader.word(inode, Field::InodeMapping)?;
            reader.word(mapping, Field::MappingPrivate)?
        }
    };
    // Directories have no map.
    if map == 0 {
        return Ok(Vec::new());
    }
    let head = map + reader.offset(Field::ReservedRegions)?;
    let (regions, _) = reader.list(head, Field::RegionInMap, MAX_LISTED)?;
    let csses = reader.column(&regions, Field::RegionCss)?;
    Ok(csses
        .into_iter()
        .flatten()
        .filter(|css| *css != 0)
        .collect())
}
