//! Swap files and swap devices: each has its file open until swapoff (mm/swapfile.c).

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, words};
use crate::kernel::debugger::visible_paths::VisiblePath;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::HolderSearch;
use crate::kernel::pins::holders::Kind;
use crate::sample::Text;
use crate::sample::pins::{User, UserKind};

/// `MAX_SWAPFILES` is never above 32 (include/linux/swap.h).
const MAX_AREAS: u64 = 32;

/// Looks for the files of all swap areas.
pub(super) fn files(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let reader = search.reader;
    for area in areas(reader)? {
        search.visited += 1;
        let file = reader.word(area, Field::SwapFile)?;
        if file == 0 || !search.wants(Kind::File.at(file)) {
            continue;
        }
        let user = user(name(search, file));
        search.hold(Kind::File.at(file), user);
    }
    Ok(())
}

/// A swap area as a holder.
pub(super) fn user(name: Option<Text>) -> User {
    User {
        kind: UserKind::Swap,
        name: Some(name.unwrap_or_else(|| Text::from("swap"))),
        ..User::default()
    }
}

/// Block devices that are used as swap, with their names.
pub(super) fn devices(
    search: &mut HolderSearch<'_, '_>,
) -> Result<Vec<(u64, Option<Text>)>, Unreadable> {
    let reader = search.reader;
    let mut devices = Vec::new();
    for area in areas(reader)? {
        let file = reader.word(area, Field::SwapFile)?;
        if file != 0 {
            devices.push((reader.word(area, Field::SwapBdev)?, name(search, file)));
        }
    }
    Ok(devices)
}

/// All `swap_info_struct`s; those that are switched off have no file.
pub(in crate::kernel::pins) fn areas(reader: &Reader<'_>) -> Result<Vec<u64>, Unreadable> {
    let count = reader.word_at(reader.symbol(Symbol::NrSwapfiles)?)? & 0xffff_ffff;
    let mut bytes = vec![0; usize::try_from(count.min(MAX_AREAS)).unwrap_or(0) * 8];
    reader
        .memory
        .read(reader.symbol(Symbol::SwapInfo)?, &mut bytes)?;
    Ok(words(&bytes)
        .into_iter()
        .filter(|area| *area != 0)
        .collect())
}

fn name(search: &mut HolderSearch<'_, '_>, file: u64) -> Option<Text> {
    let inode = search.reader.word(file, Field::FileInode).ok()?;
    let superblock = search.reader.word(inode, Field::InodeSb).ok()?;
    let path = search.paths.of_inode(search.reader, inode, superblock);
    path.map(VisiblePath::path_here)
}
