//! What keeps a file system that no process sees mounted: whatever has a directory or a file of it, and
//! what has the mount namespace that it is mounted in.

use std::collections::{HashMap, HashSet};

use super::{mounts, rings, tasks};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_file::OpenFile;
use crate::kernel::debugger::open_files;
use crate::kernel::debugger::paths;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::HolderSearch;
use crate::kernel::pins::mappers;
use crate::sample::pins::{User, UserKind};

/// Bound on the mounts of one file system.
const MAX_MOUNTS: usize = 1024;
/// Bound on the inodes of one file system that are looked at for mappings.
const MAX_INODES: usize = 1 << 18;

/// Superblocks, each with one that keeps it.
type Kept = Result<Vec<(u64, User)>, Unreadable>;
/// Looks for those that keep one of some superblocks.
type Look = fn(&HolderSearch<'_, '_>, &HashSet<u64>) -> Kept;

/// All that is looked at.
pub(super) const LOOKS: [Look; 8] = [
    directories,
    descriptors,
    messages,
    registered_files,
    mapped_files,
    executables,
    open_namespaces,
    mounted_namespaces,
];

/// Tasks whose working or root directory is there.
fn directories(search: &HolderSearch<'_, '_>, wanted: &HashSet<u64>) -> Kept {
    let reader = search.reader;
    let mut seen = HashSet::new();
    let threads: Vec<_> = { search.threads.iter() }
        .filter(|thread| thread.fs != 0 && seen.insert(thread.fs))
        .collect();
    let structs: Vec<_> = threads.iter().map(|thread| thread.fs).collect();
    let mut found = Vec::new();
    for field in [Field::FsRootDentry, Field::FsPwdDentry] {
        let dentries = known(reader.column(&structs, field)?);
        let superblocks = reader.column(&dentries, Field::DentrySb)?;
        for (thread, superblock) in threads.iter().zip(superblocks) {
            if let Some(superblock) = superblock.filter(|of| wanted.contains(of))
                && let Some(user) = search.task(thread.task, UserKind::FileSystem)
            {
                found.push((superblock, user));
            }
        }
    }
    Ok(found)
}

/// Descriptors of files there, and of the mount itself.
fn descriptors(search: &HolderSearch<'_, '_>, wanted: &HashSet<u64>) -> Kept {
    let mut files = Vec::new();
    for table in &search.open.tables {
        for (fd, file) in table.fds.iter().zip(&table.files) {
            files.extend(table.tasks.iter().map(|task| OpenFile {
                task: *task,
                fd: *fd,
                file: *file,
                object: 0,
            }));
        }
    }
    of_files(search, wanted, &files)
}

/// The same in messages that were not received, by the sockets that lead to them.
fn messages(search: &HolderSearch<'_, '_>, wanted: &HashSet<u64>) -> Kept {
    let queues = search.open.queues()?;
    let mut files = Vec::new();
    for sent in &queues.sent {
        let receivers = queues.open.get(&sent.receiver).into_iter().flatten();
        files.extend(receivers.map(|receiver| OpenFile {
            file: sent.file,
            ..*receiver
        }));
    }
    of_files(search, wanted, &files)
}

/// Files there, and of mount namespaces, that are registered with an io_uring, by the ring.
fn registered_files(search: &HolderSearch<'_, '_>, wanted: &HashSet<u64>) -> Kept {
    let reader = search.reader;
    let files = rings::registrations(search)?;
    let mut found = of_files(search, wanted, &files)?;
    let addresses: Vec<_> = files.iter().map(|one| one.file).collect();
    let operations = reader.column(&addresses, Field::FileOp)?;
    let of_namespaces = reader.symbol(Symbol::NsFileOperations)?;
    let inodes = reader.column(&addresses, Field::FileInode)?;
    let all = files.iter().zip(operations.into_iter().zip(inodes));
    let namespaces: Vec<_> = all
        .filter(|(_, (operations, _))| *operations == Some(of_namespaces))
        .filter_map(|(file, (_, inode))| {
            Some(OpenFile {
                object: inode?,
                ..*file
            })
        })
        .collect();
    found.extend(of_namespace_files(search, wanted, &namespaces)?);
    Ok(found)
}

/// Processes that map a file there.
fn mapped_files(search: &HolderSearch<'_, '_>, wanted: &HashSet<u64>) -> Kept {
    let reader = search.reader;
    let mut found = Vec::new();
    let mut is_all = true;
    for superblock in wanted {
        let head = superblock + reader.offset(Field::SbInodes)?;
        let (inodes, is_whole) = reader.list(head, Field::InodeSbList, MAX_INODES)?;
        is_all &= is_whole;
        let mappings = known(reader.column(&inodes, Field::InodeMapping)?);
        let roots = reader.column(&mappings, Field::MappingMappings)?;
        let mapped = mappings.iter().zip(roots);
        for (mapping, _) in mapped.filter(|(_, root)| root.is_some_and(|root| root != 0)) {
            let vmas = mappers::of_mapping(reader, *mapping)?;
            let mms: HashSet<u64> = vmas.iter().map(|vma| vma.mm).collect();
            let users = mms.into_iter();
            let users = users.map(|mm| tasks::owner(search, mm, UserKind::FileSystem));
            found.extend(users.map(|user| (*superblock, user)));
        }
    }
    match is_all {
        true => Ok(found),
        false => Err(Unreadable::Failed("it has too many files".to_owned())),
    }
}

/// Processes that run a file there.
fn executables(search: &HolderSearch<'_, '_>, wanted: &HashSet<u64>) -> Kept {
    let reader = search.reader;
    let mms: HashSet<u64> = search.threads.iter().map(|thread| thread.mm).collect();
    let mms: Vec<_> = mms.into_iter().filter(|mm| *mm != 0).collect();
    let files = known(reader.column(&mms, Field::MmExeFile)?);
    let inodes = known(reader.column(&files, Field::FileInode)?);
    let superblocks = reader.column(&inodes, Field::InodeSb)?;
    let all = mms.into_iter().zip(superblocks);
    let those = all.filter_map(|(mm, superblock)| Some((mm, superblock?)));
    Ok(those
        .filter(|(_, superblock)| wanted.contains(superblock))
        .map(|(mm, superblock)| (superblock, tasks::owner(search, mm, UserKind::FileSystem)))
        .collect())
}

/// Descriptors of the mount namespaces that have the mounts, received or not.
fn open_namespaces(search: &HolderSearch<'_, '_>, wanted: &HashSet<u64>) -> Kept {
    of_namespace_files(search, wanted, open_files::known(&search.open.namespaces)?)
}

/// Mounts of these mount namespaces as files: `mount --bind /proc/PID/ns/mnt PATH`.
fn mounted_namespaces(search: &HolderSearch<'_, '_>, wanted: &HashSet<u64>) -> Kept {
    let reader = search.reader;
    let by_ino = namespaces(search, wanted)?;
    if by_ino.is_empty() {
        return Ok(Vec::new());
    }
    let nsfs = reader.word_at(reader.symbol(Symbol::NsfsMnt)?)?;
    let nsfs = reader.word(nsfs, Field::VfsmountSb)?;
    let all = paths::mounts(reader, nsfs, MAX_MOUNTS)?;
    let roots = known(reader.column(&all, Field::MountRoot)?);
    let inodes = known(reader.column(&roots, Field::DentryInode)?);
    let inos = reader.column(&inodes, Field::InodeIno)?;
    let mut found = Vec::new();
    for (mount, ino) in all.into_iter().zip(inos) {
        for superblock in ino.and_then(|ino| by_ino.get(&ino)).into_iter().flatten() {
            let user = User {
                kind: UserKind::FileSystem,
                ..mounts::user(search, mount)
            };
            found.push((*superblock, user));
        }
    }
    Ok(found)
}

/// Users of open files that are in one of the file systems.
fn of_files(search: &HolderSearch<'_, '_>, wanted: &HashSet<u64>, files: &[OpenFile]) -> Kept {
    let reader = search.reader;
    let addresses: Vec<_> = files.iter().map(|one| one.file).collect();
    let inodes = known(reader.column(&addresses, Field::FileInode)?);
    let superblocks = reader.column(&inodes, Field::InodeSb)?;
    let all = files.iter().zip(superblocks);
    let those = all.filter_map(|(file, superblock)| Some((file, superblock?)));
    let those = those.filter(|(_, superblock)| wanted.contains(superblock));
    Ok(those
        .filter_map(|(file, superblock)| Some((superblock, by_descriptor(search, file)?)))
        .collect())
}

/// Users of files that are mount namespaces in which one of the file systems is mounted.
fn of_namespace_files(
    search: &HolderSearch<'_, '_>,
    wanted: &HashSet<u64>,
    files: &[OpenFile],
) -> Kept {
    let by_ino = namespaces(search, wanted)?;
    let inodes: Vec<_> = files.iter().map(|file| file.object).collect();
    let inos = search.reader.column(&inodes, Field::InodeIno)?;
    let mut found = Vec::new();
    for (file, ino) in files.iter().zip(inos) {
        for superblock in ino.and_then(|ino| by_ino.get(&ino)).into_iter().flatten() {
            found.extend(by_descriptor(search, file).map(|user| (*superblock, user)));
        }
    }
    Ok(found)
}

/// The mount namespaces that have the mounts, by their inode numbers.
fn namespaces(
    search: &HolderSearch<'_, '_>,
    wanted: &HashSet<u64>,
) -> Result<HashMap<u64, Vec<u64>>, Unreadable> {
    let mut by_ino: HashMap<u64, Vec<u64>> = HashMap::new();
    for superblock in wanted {
        let mounts = paths::mounts(search.reader, *superblock, MAX_MOUNTS)?;
        let places = mounts.iter();
        let places = places.filter_map(|mount| search.paths.of_mount(search.reader, *mount));
        let inos: HashSet<u64> = places.filter_map(|place| place.ns_ino).collect();
        for ino in inos {
            by_ino.entry(ino).or_default().push(*superblock);
        }
    }
    Ok(by_ino)
}

fn by_descriptor(search: &HolderSearch<'_, '_>, file: &OpenFile) -> Option<User> {
    let user = search.task(file.task, UserKind::FileSystem)?;
    Some(User {
        fd: Some(file.fd),
        ..user
    })
}

fn known(column: Vec<Option<u64>>) -> Vec<u64> {
    column.into_iter().map(Option::unwrap_or_default).collect()
}
