//! Overlayfs: a descriptor has an inode of its own, and the real file open behind it
//! (fs/overlayfs/file.c); the inode has a reference to the real dentry (fs/overlayfs/inode.c).

use super::files::files_among;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::mount_namespaces::Place;
use crate::kernel::debugger::paths;
use crate::kernel::debugger::reader::{is_kernel_address, words};
use crate::kernel::debugger::superblocks;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::{HolderSearch, of_kernel};
use crate::kernel::pins::holders::Kind;
use crate::sample::Text;
use crate::sample::pins::{User, UserKind};

/// Inodes of one overlay that are looked at.
const MAX_INODES: usize = 1 << 20;
/// Mounts of one overlay that are looked at.
const MAX_MOUNTS: usize = 1024;
/// Words of an overlayfs inode after the generic inode; the real dentries are among them.
const WORDS: usize = 4;
const OPERATIONS: Symbol = Symbol::OvlFileOperations;

/// Looks behind the descriptors of overlayfs. The file's private word is the real file, since 6.13
/// a struct that starts with up to two of them.
pub(super) fn real_files(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let reader = search.reader;
    for file in search
        .open
        .of_kind(reader, &[OPERATIONS], Field::FilePrivate)?
    {
        search.visited += 1;
        let mut candidates = vec![file.object];
        for at in [0, 8] {
            candidates.extend(reader.word_at(file.object + at).ok());
        }
        for real in files_among(search, &candidates) {
            if let Some(user) = search.task(file.task, UserKind::Open) {
                let user = User {
                    fd: Some(file.fd),
                    ..user
                };
                search.hold(Kind::File.at(real), user);
            }
        }
    }
    Ok(())
}

/// Looks at the real dentries of all inodes of each overlay, open or only cached.
pub(super) fn real_dentries(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let reader = search.reader;
    let mut has_open = false;
    for superblock in superblocks::all(reader)? {
        let Ok((fs, _)) = superblocks::describe(reader, superblock) else {
            continue;
        };
        if fs.as_bytes() != b"overlay" {
            continue;
        }
        let head = superblock + reader.offset(Field::SbInodes)?;
        let (inodes, is_all) = reader.list(head, Field::InodeSbList, MAX_INODES)?;
        search.visited += inodes.len() as u64;
        let behind = inodes
            .iter()
            .map(|inode| inode + reader.resolved.inode_bytes);
        let behind: Vec<_> = behind.collect();
        let mut found = Vec::new();
        reader.memory.each(&behind, WORDS * 8, |bytes| {
            found.push(bytes.map(words).unwrap_or_default());
        })?;
        for (inode, dentries) in inodes.into_iter().zip(found) {
            has_open |= hold_dentries(search, superblock, inode, &dentries);
        }
        if !is_all {
            return Err(Unreadable::Failed("there are too many of them".to_owned()));
        }
    }
    match reader.symbol(OPERATIONS) {
        Err(why) if has_open => Err(why),
        _ => Ok(()),
    }
}

/// An inode without a name exists only as long as it is open, and its descriptors were found if they
/// can be; any other stays cached, and keeps its real dentry. Returns whether one is open that is
/// asked for.
fn hold_dentries(
    search: &mut HolderSearch<'_, '_>,
    superblock: u64,
    inode: u64,
    dentries: &[u64],
) -> bool {
    let mut has_open = false;
    for dentry in dentries.iter().copied().filter(|at| is_kernel_address(*at)) {
        let thing = Kind::Dentry.at(dentry);
        if !search.wants(thing) {
            continue;
        }
        if search.reader.word(inode, Field::InodeNlink) == Ok(0) {
            has_open = true;
            if search.reader.symbol(OPERATIONS).is_ok() {
                search.holders.found(thing, 1);
            }
            continue;
        }
        let name = match mounted_at(search, superblock) {
            Some(path) => Text::from([b"the overlay mounted at ", path.as_bytes()].concat()),
            None => Text::from("an overlay"),
        };
        search.hold(thing, of_kernel(name));
    }
    has_open
}

/// The mount point of a file system, in our mount namespace if there is one.
fn mounted_at(search: &HolderSearch<'_, '_>, superblock: u64) -> Option<Text> {
    let mounts = paths::mounts(search.reader, superblock, MAX_MOUNTS).ok()?;
    let places =
        { mounts.into_iter() }.filter_map(|mount| search.paths.of_mount(search.reader, mount));
    let best = places.min_by_key(|place| place.ns_ino);
    best.map(Place::named)
}
