//! Open files that no descriptor leads to: words of a struct that may point to one.

use std::collections::HashSet;

use crate::kernel::debugger::reader::is_kernel_address;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::HolderSearch;
use crate::kernel::pins::holders::Kind;

/// The words that are open files of inodes whose holders are wanted, each once. A word is one only
/// if, read as a file, it has the operations that its inode has.
pub(super) fn files_among(search: &mut HolderSearch<'_, '_>, words: &[u64]) -> Vec<u64> {
    let distinct: HashSet<u64> = words.iter().copied().collect();
    let mut files: Vec<_> = distinct.into_iter().collect();
    files.retain(|word| is_kernel_address(*word) && is_open_file(search, *word).unwrap_or(false));
    files.retain(|file| search.wants(Kind::File.at(*file)));
    files
}

fn is_open_file(search: &HolderSearch<'_, '_>, file: u64) -> Option<bool> {
    let inode = search.reader.word(file, Field::FileInode).ok()?;
    if !search.holders.has_inode(inode) {
        return Some(false);
    }
    let of_file = search.reader.word(file, Field::FileOp).ok()?;
    let of_inode = search.reader.word(inode, Field::InodeFop).ok()?;
    Some(of_file == of_inode)
}
