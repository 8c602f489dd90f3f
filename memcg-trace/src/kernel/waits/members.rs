//! Locks that are no variables: which member of which structure they are. The structure has to
//! say so itself, by a word that only such a one has.

use super::View;
use crate::kernel::layout::fields::Field;
use crate::kernel::{paths, tasks};
use crate::sample::{ResourceKind, Text};

/// The member that a lock is, and which structure that is.
pub(super) fn name(
    view: &View<'_>,
    kind: ResourceKind,
    lock: u64,
) -> Option<(String, Option<Text>)> {
    if kind != ResourceKind::Rwsem {
        return None;
    }
    let (name, of) = inode(view, lock)
        .or_else(|| superblock(view, lock))
        .or_else(|| address_space(view, lock))?;
    Some((name.to_owned(), of))
}

type Member = (&'static str, Option<Text>);

/// What a lock would be in, if it were this member.
fn base(view: &View<'_>, lock: u64, member: Field) -> Option<u64> {
    let offset = view.reader.offset(member).ok()?;
    Some(lock.wrapping_sub(offset))
}

/// The mapping of an inode is its own, but for devices.
fn inode(view: &View<'_>, lock: u64) -> Option<Member> {
    let inode = base(view, lock, Field::InodeRwsem)?;
    let own = inode.wrapping_add(view.reader.offset(Field::InodeData).ok()?);
    if view.reader.word(inode, Field::InodeMapping) != Ok(own)
        || view.reader.word(own, Field::MappingHost) != Ok(inode)
    {
        return None;
    }
    let superblock = view.reader.word(inode, Field::InodeSb).ok()?;
    let path = paths::of_inode(view.reader, inode, superblock);
    Some(("inode.i_rwsem", path))
}

/// The root of a superblock is its own.
fn superblock(view: &View<'_>, lock: u64) -> Option<Member> {
    let superblock = base(view, lock, Field::SbUmount)?;
    let root = view.reader.word(superblock, Field::SbRoot).ok()?;
    if view.reader.word(root, Field::DentrySb) != Ok(superblock) {
        return None;
    }
    let kind = view.reader.word(superblock, Field::SbType).ok()?;
    let name = view.reader.word(kind, Field::FsTypeName).ok()?;
    let name = view.reader.string(name, 64).ok();
    Some(("super_block.s_umount", name))
}

/// Some task has it.
fn address_space(view: &View<'_>, lock: u64) -> Option<Member> {
    let mm = base(view, lock, Field::MmMmapLock)?;
    let tasks: Vec<_> = view.threads.all.iter().map(|thread| thread.addr).collect();
    let mms = view.reader.column(&tasks, Field::TaskMm).ok()?;
    let at = mms.iter().position(|one| *one == Some(mm))?;
    let leader = view.threads.all[at].leader;
    Some(("mm_struct.mmap_lock", tasks::comm(view.reader, leader)))
}
