//! File systems that no process sees mounted: unmounted lazily, made by `fsmount(2)`, or mounted in a
//! namespace that only a descriptor keeps. A file in one has a name, so that nobody has to hold the
//! file itself: whatever keeps the file system keeps the file.

use std::collections::{HashMap, HashSet};

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::paths;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::backing;
use crate::kernel::pins::holder_search::{HolderSearch, of_kernel};
use crate::kernel::pins::holders::Kind;
use crate::sample::pins::{User, UserKind};

/// Bound on the mounts of one file system.
const MAX_MOUNTS: usize = 1024;
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
    let mut users: HashMap<u64, Vec<User>> = HashMap::new();
    for (superblock, user) in directories(search, &files)?
        .into_iter()
        .chain(descriptors(search, &files)?)
        .chain(namespaces(search, &files)?)
    {
        let users = users.entry(superblock).or_default();
        if users.len() < MAX_USERS && !users.contains(&user) {
            users.push(user);
        }
    }
    let unknown = [of_kernel(
        "its file system, which no process sees mounted (what keeps that was not found)",
    )];
    for (superblock, inodes) in &files {
        let users = users.get(superblock).map_or(&unknown[..], Vec::as_slice);
        for inode in inodes {
            for user in users {
                // They hold no reference to the file.
                let user = User {
                    refs: Some(0),
                    ..user.clone()
                };
                search.hold(Kind::Inode.at(*inode), user);
            }
        }
    }
    Ok(())
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

/// Tasks whose working or root directory is there.
fn directories(
    search: &HolderSearch<'_, '_>,
    files: &Files,
) -> Result<Vec<(u64, User)>, Unreadable> {
    let reader = search.reader;
    let mut seen = HashSet::new();
    let threads: Vec<_> = { search.threads.iter() }
        .filter(|thread| thread.fs != 0 && seen.insert(thread.fs))
        .collect();
    let structs: Vec<_> = threads.iter().map(|thread| thread.fs).collect();
    let mut found = Vec::new();
    for field in [Field::FsRootDentry, Field::FsPwdDentry] {
        let dentries = reader.column(&structs, field)?;
        let dentries: Vec<_> = dentries
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        let superblocks = reader.column(&dentries, Field::DentrySb)?;
        for (thread, superblock) in threads.iter().zip(superblocks) {
            if let Some(superblock) = superblock.filter(|of| files.contains_key(of))
                && let Some(user) = search.task(thread.task, UserKind::FileSystem)
            {
                found.push((superblock, user));
            }
        }
    }
    Ok(found)
}

/// Descriptors of files there, and of the mount itself.
fn descriptors(
    search: &HolderSearch<'_, '_>,
    files: &Files,
) -> Result<Vec<(u64, User)>, Unreadable> {
    let reader = search.reader;
    let mut found = Vec::new();
    for table in &search.open.tables {
        let inodes = reader.column(&table.files, Field::FileInode)?;
        let inodes: Vec<_> = inodes.into_iter().map(Option::unwrap_or_default).collect();
        let superblocks = reader.column(&inodes, Field::InodeSb)?;
        for (fd, superblock) in table.fds.iter().zip(superblocks) {
            let Some(superblock) = superblock.filter(|of| files.contains_key(of)) else {
                continue;
            };
            let users = table.tasks.iter();
            let users = users.filter_map(|task| search.task(*task, UserKind::FileSystem));
            found.extend(users.map(|user| {
                let fd = Some(*fd);
                (superblock, User { fd, ..user })
            }));
        }
    }
    Ok(found)
}

/// Descriptors of the mount namespaces that have the mounts.
fn namespaces(
    search: &HolderSearch<'_, '_>,
    files: &Files,
) -> Result<Vec<(u64, User)>, Unreadable> {
    let reader = search.reader;
    let open: Vec<_> = search.open.namespaces.iter().collect();
    let inodes: Vec<_> = open.iter().map(|file| file.object).collect();
    let open_inos = reader.column(&inodes, Field::InodeIno)?;
    let mut found = Vec::new();
    for superblock in files.keys() {
        let mounts = paths::mounts(reader, *superblock, MAX_MOUNTS)?;
        let places = { mounts.iter() }.filter_map(|mount| search.paths.of_mount(reader, *mount));
        let inos: HashSet<u64> = places.filter_map(|place| place.ns_ino).collect();
        for (file, ino) in open.iter().zip(&open_inos) {
            if ino.is_some_and(|ino| inos.contains(&ino))
                && let Some(user) = search.task(file.task, UserKind::FileSystem)
            {
                let fd = Some(file.fd);
                found.push((*superblock, User { fd, ..user }));
            }
        }
    }
    Ok(found)
}
