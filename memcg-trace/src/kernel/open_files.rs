//! Open files of all processes: sockets, inotify and fanotify groups, and namespaces.

use std::collections::HashSet;

use super::layout::fields::Field;
use super::memory::Unreadable;
use super::reader::{Reader, words};
use super::tasks::{self, Tasks, Users};
use crate::sample::pins::{User, UserKind};

/// Descriptors of one process (`fs.nr_open` by default).
const MOST: u64 = 1 << 20;

/// A file that a process has open.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenFile {
    pub(super) task: u64,
    pub(super) fd: u32,
    /// `struct sock`, `struct fsnotify_group` or the inode of a namespace.
    pub(super) object: u64,
}

/// Those that matter here.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) sockets: Vec<OpenFile>,
    pub(super) inotify: Vec<OpenFile>,
    pub(super) fanotify: Vec<OpenFile>,
    pub(super) namespaces: Vec<OpenFile>,
    known_sockets: HashSet<u64>,
}

impl Open {
    /// Goes through the open files of all processes.
    pub(super) fn read(reader: &Reader<'_>, tasks: &Tasks) -> Result<Self, Unreadable> {
        let operations = |name| reader.symbol(name).ok();
        let socket = reader.symbol("socket_file_ops")?;
        let inotify = operations("inotify_fops");
        let fanotify = operations("fanotify_fops");
        let namespace = operations("ns_file_operations");
        let mut open = Self::default();
        each_process(reader, tasks, |task, fds, files| {
            let ops = reader.column(files, Field::FileOp)?;
            let files_of = |wanted: Option<u64>, field| -> Result<Vec<OpenFile>, Unreadable> {
                let is_one = |(_, op): &(_, &Option<u64>)| op.is_some() && **op == wanted;
                let some = fds.iter().zip(files).zip(&ops).filter(is_one);
                let (fds, files): (Vec<_>, Vec<_>) =
                    some.map(|((fd, file), _)| (*fd, *file)).unzip();
                let objects = reader.column(&files, field)?;
                let found = fds.into_iter().zip(objects);
                Ok(found
                    .filter_map(|(fd, object)| {
                        Some(OpenFile {
                            task,
                            fd,
                            object: object?,
                        })
                    })
                    .collect())
            };
            open.sockets
                .extend(files_of(Some(socket), Field::FilePrivate)?);
            open.inotify.extend(files_of(inotify, Field::FilePrivate)?);
            open.fanotify
                .extend(files_of(fanotify, Field::FilePrivate)?);
            open.namespaces
                .extend(files_of(namespace, Field::FileInode)?);
            Ok(())
        })?;
        let sockets: Vec<_> = open.sockets.iter().map(|file| file.object).collect();
        let socks = reader.column(&sockets, Field::SocketSk)?;
        for (file, sock) in open.sockets.iter_mut().zip(socks) {
            file.object = sock.unwrap_or(0);
        }
        open.sockets.retain(|file| file.object != 0);
        open.known_sockets = open.sockets.iter().map(|file| file.object).collect();
        Ok(open)
    }

    /// Whether somebody has a socket open.
    pub(super) fn has_socket(&self, sock: u64) -> bool {
        self.known_sockets.contains(&sock)
    }
}

/// Who has one of `inodes` open.
pub(super) fn users_of_inodes(
    reader: &Reader<'_>,
    tasks: &Tasks,
    inodes: &HashSet<u64>,
) -> Result<Users, Unreadable> {
    let mut users = Users::new();
    each_process(reader, tasks, |task, fds, files| {
        let of_files = reader.column(files, Field::FileInode)?;
        for (fd, inode) in fds.iter().zip(of_files) {
            let Some(inode) = inode.filter(|inode| inodes.contains(inode)) else {
                continue;
            };
            if let Some(user) = tasks::user(reader, task, UserKind::Open) {
                let user = User {
                    fd: Some(*fd),
                    ..user
                };
                users.entry(inode).or_default().push(user);
            }
        }
        Ok(())
    })?;
    Ok(users)
}

/// Hands over each process with its descriptors and files. One that exits meanwhile has none.
fn each_process(
    reader: &Reader<'_>,
    tasks: &Tasks,
    mut see: impl FnMut(u64, &[u32], &[u64]) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let with_files = tasks.processes.iter().filter(|process| process.files != 0);
    for process in with_files {
        match table(reader, process.files) {
            Ok((fds, files)) => see(process.task, &fds, &files)?,
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
            Err(why) => return Err(why),
        }
    }
    Ok(())
}

/// Descriptors in use, and their files.
pub(super) fn table(reader: &Reader<'_>, files: u64) -> Result<(Vec<u32>, Vec<u64>), Unreadable> {
    let table = reader.word(files, Field::FilesFdt)?;
    let count = reader.word(table, Field::FdtMaxFds)?.min(MOST);
    let array = reader.word(table, Field::FdtFd)?;
    let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * 8];
    reader.memory.read(array, &mut bytes)?;
    let used = (0..).zip(words(&bytes)).filter(|(_, file)| *file != 0);
    Ok(used.unzip())
}
