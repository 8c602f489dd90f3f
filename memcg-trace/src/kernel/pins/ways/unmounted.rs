//! File systems that no process sees mounted: unmounted lazily, made by `fsmount(2)`, or mounted in a
//! namespace that only a descriptor keeps. A file in one has a name, so that nobody has to hold the
//! file itself: whatever keeps the file system keeps the file.

use std::collections::{HashMap, HashSet};

use super::file_system_keepers;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::paths;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::backing;
use crate::kernel::pins::holder_search::{HolderSearch, of_kernel};
use crate::kernel::pins::holders::Kind;
use crate::sample::pins::User;

/// Bound on the mounts of one file system.
const MAX_MOUNTS: usize = 1024;
const UNSEEN: &str = "its file system, which no process sees mounted";
const NOT_FOUND: &str = "what keeps that was not found; loop devices, swap, overlays and modules of \
                         the kernel were not looked at";
/// Users of one file system that are listed.
const MAX_USERS: usize = 16;

/// The named files of each such file system.
type Files = HashMap<u64, Vec<u64>>;

/// Looks for what keeps the file systems of files that pin.
pub(super) fn keepers(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let files = files(search)?;
    if files.is_empty() {
        return Ok(());
    }
    let wanted: HashSet<u64> = files.keys().copied().collect();
    let mut users: HashMap<u64, Vec<User>> = HashMap::new();
    let mut outcome = Ok(());
    for look in file_system_keepers::LOOKS {
        match look(search, &wanted) {
            Ok(found) => {
                for (superblock, user) in found {
                    let users = users.entry(superblock).or_default();
                    if users.len() < MAX_USERS && !users.contains(&user) {
                        users.push(user);
                    }
                }
            }
            Err(why) => outcome = Err(why),
        }
    }
    for (superblock, inodes) in &files {
        let users = users.entry(*superblock).or_default();
        let unknown = match &outcome {
            Ok(()) if users.is_empty() => Some(NOT_FOUND.to_owned()),
            Ok(()) => None,
            Err(why) if users.is_empty() => {
                Some(format!("{NOT_FOUND}; nor all of the rest: {why}"))
            }
            Err(why) => Some(format!("who else keeps that was not found: {why}")),
        };
        users.extend(unknown.map(|what| of_kernel(&*format!("{UNSEEN} ({what})"))));
        for inode in inodes {
            for user in users.iter() {
                // They hold no reference to the file.
                let user = User {
                    refs: Some(0),
                    ..user.clone()
                };
                search.hold(Kind::Inode.at(*inode), user);
            }
        }
    }
    outcome
}

fn files(search: &mut HolderSearch<'_, '_>) -> Result<Files, Unreadable> {
    let reader = search.reader;
    let mut by_superblock = Files::new();
    for inode in search.holders.inodes() {
        let superblock = reader.word(inode, Field::InodeSb)?;
        if reader.word(inode, Field::InodeNlink)? != 0 {
            by_superblock.entry(superblock).or_default().push(inode);
        }
    }
    let mut unseen = Files::new();
    for (superblock, inodes) in by_superblock {
        if backing::is_mountable(reader, superblock)? && !is_seen(search, superblock)? {
            unseen.insert(superblock, inodes);
        }
    }
    Ok(unseen)
}

/// Returns whether a process is in a namespace that has one of the mounts.
fn is_seen(search: &HolderSearch<'_, '_>, superblock: u64) -> Result<bool, Unreadable> {
    let mounts = paths::mounts(search.reader, superblock, MAX_MOUNTS)?;
    Ok(mounts.iter().any(|mount| {
        let place = search.paths.of_mount(search.reader, *mount);
        place.is_some_and(|place| {
            place.ns_ino.is_none() || place.path.as_bytes().starts_with(b"/proc/")
        })
    }))
}
