//! Mounts, each of which has a reference to its root dentry: a file that is bind-mounted, in any
//! mount namespace.

use std::collections::HashSet;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::paths;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::HolderSearch;
use crate::kernel::pins::holders::Kind;
use crate::sample::Text;
use crate::sample::pins::{User, UserKind};

/// Bound on the mounts of one file system.
const MAX_MOUNTS: usize = 100_000;

/// Scans the mounts of each file system that an object is in.
pub(super) fn roots(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let reader = search.reader;
    let inodes = search.holders.inodes();
    let superblocks = reader.column(&inodes, Field::InodeSb)?;
    let superblocks: HashSet<u64> = superblocks.into_iter().flatten().collect();
    for superblock in superblocks {
        let mounts = paths::mounts(reader, superblock, MAX_MOUNTS)?;
        search.visited += mounts.len() as u64;
        let roots = reader.column(&mounts, Field::MountRoot)?;
        for (mount, root) in mounts.into_iter().zip(roots) {
            let thing = Kind::Dentry.at(root.unwrap_or(0));
            if !search.wants(thing) {
                continue;
            }
            let user = user(search, mount);
            search.hold(thing, user);
        }
    }
    Ok(())
}

/// A mount as a holder.
pub(super) fn user(search: &HolderSearch<'_, '_>, mount: u64) -> User {
    let place = search.paths.of_mount(search.reader, mount);
    let (path, ns_ino) = match place {
        Some(place) => (Some(place.path), place.ns_ino),
        None => (None, None),
    };
    match path {
        Some(path) => User {
            kind: UserKind::Mount,
            name: Some(path),
            ns_ino,
            ..User::default()
        },
        None => User {
            kind: UserKind::Kernel,
            name: Some(Text::from("a mount that is in no namespace (any more)")),
            ..User::default()
        },
    }
}
