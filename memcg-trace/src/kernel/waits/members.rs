//! Names of locks that are members of structures. A structure must confirm its type itself, by a
//! word that only such a structure has.

use super::pages::PageArray;
use super::view::View;
use crate::deadlock::words;
use crate::kernel::debugger::tasks;
use crate::kernel::layout::fields::Field;
use crate::sample::{ResourceKind, Text};

/// The member that a lock is, and the object that the member belongs to.
pub(super) fn name(
    view: &View<'_>,
    kind: ResourceKind,
    lock: u64,
) -> Option<(String, Option<Text>)> {
    let member = match kind {
        ResourceKind::Rwsem => inode(view, lock)
            .or_else(|| superblock(view, lock))
            .or_else(|| address_space(view, lock))
            .or_else(|| process(view, lock)),
        ResourceKind::Mutex => process(view, lock),
        ResourceKind::PercpuRwsem => freezing(view, lock),
        _ => None,
    };
    match member {
        Some((name, of)) => Some((name.to_owned(), of)),
        None => object(view, kind, lock).map(|name| (name, None)),
    }
}

/// The slab cache of a lock, and the lock's offset in its object: more than an address says, and
/// the same on every host with this kernel.
fn object(view: &View<'_>, kind: ResourceKind, lock: u64) -> Option<String> {
    let (cache, begin, _) = slab_object(view, lock)?;
    let name = view.reader.word(cache, Field::CacheName).ok()?;
    let name = view.reader.string(name, 64).ok()?;
    let kind = words::kind(kind);
    let within = lock - begin;
    Some(format!(
        "{kind} {lock:#x} in {}+{within:#x}",
        name.display()
    ))
}

/// The slab object that an address is in: its start and its size in bytes.
pub(super) fn object_at(view: &View<'_>, address: u64) -> Option<(u64, u64)> {
    let (_, begin, bytes) = slab_object(view, address)?;
    Some((begin, bytes))
}

/// Returns whether an address is the start of an object of a slab cache.
pub(super) fn is_object_of(view: &View<'_>, address: u64, cache: u64) -> bool {
    slab_object(view, address).is_some_and(|(of, begin, _)| (of, begin) == (cache, address))
}

/// The slab cache of an address, and the start and the size in bytes of its object.
fn slab_object(view: &View<'_>, address: u64) -> Option<(u64, u64, u64)> {
    let reader = view.reader;
    let (page, begin) = PageArray::of(view).ok()?.head_of(view, address)?;
    let flags = reader.word(page, Field::PageFlags).ok()?;
    let page_type = reader.word(page, Field::PageType).ok()?;
    let page_type = u32::try_from(page_type).ok()?;
    if !reader.resolved.pages.is_slab(flags, page_type) {
        return None;
    }
    let cache = reader.word(page, Field::SlabCache).ok()?;
    let bytes = reader.word(cache, Field::CacheSize).ok()?;
    // Debugging puts a red zone before each object.
    let red_bytes = reader.word(cache, Field::CacheRedLeft).unwrap_or(0);
    let within = (address - begin).checked_rem(bytes)?;
    let within = within.checked_sub(red_bytes)?;
    Some((cache, address - within, bytes))
}

/// The lock of a stage of freezing a file system.
fn freezing(view: &View<'_>, lock: u64) -> Option<Member> {
    let (stage, superblock) = frozen_stage(view, lock)?;
    Some((stage, of_superblock(view, superblock)?))
}

/// The stage of freezing a file system that a lock belongs to, and the superblock: each of three
/// stages has a lock of its own.
fn frozen_stage(view: &View<'_>, lock: u64) -> Option<(&'static str, u64)> {
    const STAGES: [&str; 3] = [
        "super_block.s_writers.rw_sem[SB_FREEZE_WRITE]",
        "super_block.s_writers.rw_sem[SB_FREEZE_PAGEFAULT]",
        "super_block.s_writers.rw_sem[SB_FREEZE_FS]",
    ];
    let place = view.reader.place(Field::SbWriters).ok()?;
    let bytes = place.bytes / STAGES.len() as u64;
    STAGES.into_iter().zip(0..).find_map(|(stage, at)| {
        let superblock = lock.wrapping_sub(place.offset + at * bytes);
        of_superblock(view, superblock).map(|_| (stage, superblock))
    })
}

/// The reason why a freeze lock of a file system has no holder task: the file system is frozen
/// (fs/super.c: freeze_super()). With its name, and the task that asked for it if an event recorded
/// that.
pub(super) fn frozen(view: &View<'_>, lock: u64) -> Option<String> {
    /// `SB_FREEZE_COMPLETE` (include/linux/fs.h): in the stages before, a task is still freezing.
    const COMPLETE: u64 = 4;
    let reader = view.reader;
    let (_, superblock) = frozen_stage(view, lock)?;
    if reader.word(superblock, Field::SbFrozen) != Ok(COMPLETE) {
        return None;
    }
    let kind = of_superblock(view, superblock)??;
    let device = reader.bytes(superblock, Field::SbId).ok()?;
    let mut holds = view.events.holds.iter();
    let seen = holds.find(|hold| hold.lock == lock);
    let by = match seen {
        Some(hold) => format!("{}[{}]", Text::from_c(&hold.comm).display(), hold.tid),
        None => "fsfreeze or the like".to_owned(),
    };
    let (kind, device) = (kind.display(), Text::from_c(&device));
    Some(format!("{kind} on {} is frozen by {by}", device.display()))
}

type Member = (&'static str, Option<Text>);

/// The address of the structure, if the lock is this member.
fn base(view: &View<'_>, lock: u64, member: Field) -> Option<u64> {
    let offset = view.reader.offset(member).ok()?;
    Some(lock.wrapping_sub(offset))
}

/// The mapping of an inode points back to it, but for devices.
fn inode(view: &View<'_>, lock: u64) -> Option<Member> {
    let inode = base(view, lock, Field::InodeRwsem)?;
    let own = inode.wrapping_add(view.reader.offset(Field::InodeData).ok()?);
    if view.reader.word(inode, Field::InodeMapping) != Ok(own)
        || view.reader.word(own, Field::MappingHost) != Ok(inode)
    {
        return None;
    }
    let superblock = view.reader.word(inode, Field::InodeSb).ok()?;
    Some(("inode.i_rwsem", view.path_of(inode, superblock)))
}

/// The root dentry of a superblock points back to it.
fn superblock(view: &View<'_>, lock: u64) -> Option<Member> {
    let superblock = base(view, lock, Field::SbUmount)?;
    let of = of_superblock(view, superblock)?;
    Some(("super_block.s_umount", of))
}

/// The type of a superblock's file system; `None` if the memory is no superblock.
fn of_superblock(view: &View<'_>, superblock: u64) -> Option<Option<Text>> {
    let root = view.reader.word(superblock, Field::SbRoot).ok()?;
    if view.reader.word(root, Field::DentrySb) != Ok(superblock) {
        return None;
    }
    let kind = view.reader.word(superblock, Field::SbType).ok()?;
    let name = view.reader.word(kind, Field::FsTypeName).ok()?;
    Some(view.reader.string(name, 64).ok())
}

/// The `mm_struct` of some task.
fn address_space(view: &View<'_>, lock: u64) -> Option<Member> {
    let mm = base(view, lock, Field::MmMmapLock)?;
    let tasks: Vec<_> = view.threads.all.iter().map(|thread| thread.addr).collect();
    let mms = view.reader.column(&tasks, Field::TaskMm).ok()?;
    let at = mms.iter().position(|one| *one == Some(mm))?;
    let leader = view.threads.all[at].leader;
    Some(("mm_struct.mmap_lock", tasks::comm(view.reader, leader)))
}

/// The `signal_struct` of some process: execve(2) holds its locks until the process runs the new
/// program.
fn process(view: &View<'_>, lock: u64) -> Option<Member> {
    const MEMBERS: [(Field, &str); 2] = [
        (Field::SignalCredGuard, "signal_struct.cred_guard_mutex"),
        (Field::SignalExecUpdate, "signal_struct.exec_update_lock"),
    ];
    let leaders: Vec<_> = view.threads.all.iter().map(|one| one.leader).collect();
    let signals = view.reader.column(&leaders, Field::TaskSignal).ok()?;
    MEMBERS.into_iter().find_map(|(member, name)| {
        let signal = base(view, lock, member)?;
        let at = signals.iter().position(|one| *one == Some(signal))?;
        Some((name, tasks::comm(view.reader, leaders[at])))
    })
}
