//! Watched inodes: all watches of an inode have one reference together (fs/notify/mark.c:
//! `fsnotify_get_inode_ref()`).

use std::collections::HashSet;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_files;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::HolderSearch;
use crate::kernel::pins::holders::{Kind, Thing};
use crate::sample::pins::{User, UserKind};

/// Watches of one group that are looked at.
const MAX_WATCHES: usize = 1 << 20;

pub(super) fn inodes(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let open = search.open;
    let mut groups = HashSet::new();
    // The first group that watches an inode gets the reference.
    let mut counted = HashSet::new();
    for group in open.watches() {
        if !groups.insert(group.object) {
            continue;
        }
        for inode in watched(search, group.object)? {
            let Some(user) = search.task(group.task, UserKind::Watches) else {
                continue;
            };
            let user = User {
                fd: Some(group.fd),
                refs: Some(counted.insert(inode).into()),
                ..user
            };
            search.hold(inode, user);
        }
    }
    for files in [&open.inotify, &open.fanotify] {
        open_files::known(files)?;
    }
    // A group may be in a message.
    open.queues().map(drop)
}

/// Inodes that a group watches and whose holders are wanted.
fn watched(search: &mut HolderSearch<'_, '_>, group: u64) -> Result<Vec<Thing>, Unreadable> {
    let reader = search.reader;
    let head = group + reader.offset(Field::FsnotifyMarks)?;
    let marks = match reader.list(head, Field::MarkInGroup, MAX_WATCHES) {
        Ok((marks, _)) => marks,
        // The group was closed meanwhile.
        Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => return Ok(Vec::new()),
        Err(why) => return Err(why),
    };
    search.visited += marks.len() as u64;
    let connectors = reader.column(&marks, Field::MarkConnector)?;
    let connectors: Vec<_> = connectors.into_iter().flatten().collect();
    let objects = reader.column(&connectors, Field::ConnectorObj)?;
    // The mark points to the inode itself, or until 6.9 to the inode's field for the connector.
    let in_inode = reader.offset(Field::InodeMarks)?;
    let either = |object: u64| [object, object.wrapping_sub(in_inode)];
    let inodes = objects.into_iter().flatten().flat_map(either);
    let inodes = inodes.map(|inode| Kind::Inode.at(inode));
    Ok(inodes.filter(|inode| search.wants(*inode)).collect())
}
