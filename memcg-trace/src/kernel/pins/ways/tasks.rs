//! References of tasks: descriptors, mappings, executables and directories.

use std::collections::{HashMap, HashSet};

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::is_kernel_address;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::{HolderSearch, of_kernel};
use crate::kernel::pins::holders::Kind;
use crate::kernel::pins::mappers::{self, Vma};
use crate::sample::pins::{User, UserKind};

/// The reason where the list of tasks could not be read, which is reported elsewhere.
pub(super) const UNREAD: &str = "no task was found";

/// A table has one reference to each of its files, however many tasks share it.
pub(super) fn descriptors(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let open = search.open;
    if open.tables.is_empty() {
        return Err(Unreadable::Failed(UNREAD.to_owned()));
    }
    for table in &open.tables {
        let wanted = search.wants_files(&table.files)?;
        let wanted = wanted.into_iter().zip(table.fds.iter().zip(&table.files));
        for (_, (fd, file)) in wanted.filter(|(wanted, _)| *wanted) {
            let users = table.tasks.iter();
            let users = users.filter_map(|task| search.task(*task, UserKind::Open));
            for (user, refs) in users.collect::<Vec<_>>().into_iter().zip(first_only()) {
                let user = User {
                    fd: Some(*fd),
                    refs: Some(refs),
                    ..user
                };
                search.hold(Kind::File.at(*file), user);
            }
        }
    }
    Ok(())
}

/// The numbers of references of several users that share one: 1, then 0.
fn first_only() -> impl Iterator<Item = u64> {
    std::iter::once(1).chain(std::iter::repeat(0))
}

/// Each mapping of a file has one reference to it (mm/mmap.c: `vma->vm_file`).
pub(super) fn mappings(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let mut outcome = Ok(());
    // Files of sockets can be mapped, too.
    let files = search.holders.files();
    let of_files = search.reader.column(&files, Field::FileInode)?;
    let mut inodes: HashSet<_> = search.holders.inodes().into_iter().collect();
    inodes.extend(of_files.into_iter().flatten());
    for inode in inodes {
        let mapping = search.reader.word(inode, Field::InodeMapping);
        let vmas = match mapping.and_then(|at| mappers::of_mapping(search.reader, at)) {
            Ok(vmas) => vmas,
            Err(why) => {
                outcome = Err(why);
                continue;
            }
        };
        let mut of_each: HashMap<(u64, u64), u64> = HashMap::new();
        for Vma { file, mm, .. } in vmas {
            *of_each.entry((file, mm)).or_default() += 1;
        }
        for ((file, mm), refs) in of_each {
            let user = owner(search, mm, UserKind::Mapped);
            let user = User {
                refs: Some(refs),
                ..user
            };
            search.hold(Kind::File.at(file), user);
        }
    }
    outcome
}

/// Each address space has a reference to what it executes (kernel/fork.c: `mm->exe_file`).
pub(super) fn executables(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    if search.threads.is_empty() {
        return Err(Unreadable::Failed(UNREAD.to_owned()));
    }
    let mms: HashSet<u64> = search.threads.iter().map(|thread| thread.mm).collect();
    let mms: Vec<_> = mms.into_iter().filter(|mm| *mm != 0).collect();
    let files = search.reader.column(&mms, Field::MmExeFile)?;
    let files: Vec<_> = files.into_iter().map(Option::unwrap_or_default).collect();
    let wanted = search.wants_files(&files)?;
    for (mm, (file, is_wanted)) in mms.into_iter().zip(files.into_iter().zip(wanted)) {
        if is_wanted {
            let user = owner(search, mm, UserKind::Runs);
            search.hold(Kind::File.at(file), user);
        }
    }
    Ok(())
}

/// Each `fs_struct` has a reference to two directories (fs/fs_struct.c).
pub(super) fn directories(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    if search.threads.is_empty() {
        return Err(Unreadable::Failed(UNREAD.to_owned()));
    }
    let mut by_fs: HashMap<u64, u64> = HashMap::new();
    for thread in search.threads {
        by_fs.entry(thread.fs).or_insert(thread.task);
    }
    by_fs.remove(&0);
    let (structs, tasks): (Vec<_>, Vec<_>) = by_fs.into_iter().unzip();
    for field in [Field::FsRootDentry, Field::FsPwdDentry] {
        let dentries = search.reader.column(&structs, field)?;
        for (task, dentry) in tasks.iter().zip(dentries) {
            let thing = Kind::Dentry.at(dentry.unwrap_or(0));
            if search.wants(thing)
                && let Some(user) = search.task(*task, UserKind::WorksIn)
            {
                search.hold(thing, user);
            }
        }
    }
    Ok(())
}

/// The owner of an address space. An address space whose process is gone still has its references.
pub(super) fn owner(search: &HolderSearch<'_, '_>, mm: u64, kind: UserKind) -> User {
    let owner = search.reader.word(mm, Field::MmOwner).unwrap_or(0);
    let user = is_kernel_address(owner)
        .then(|| search.task(owner, kind))
        .flatten();
    user.unwrap_or_else(|| of_kernel("an address space without a process"))
}
