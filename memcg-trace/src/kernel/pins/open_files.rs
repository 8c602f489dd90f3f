//! Open files of all processes: sockets, inotify and fanotify groups, and namespaces.

use std::collections::{HashMap, HashSet};

use super::Found;
use super::ledger::{Ledger, set_users};
use super::namespaces::Namespaces;
use super::sockets;
use super::tasks::{self, Tasks, Users};
use crate::kernel::layout::fields::Field;
use crate::kernel::memory::Unreadable;
use crate::kernel::reader::{Reader, words};
use crate::sample::pins::{Object, ObjectKind, PinKind, User, UserKind};

/// What open files can hold.
pub(super) const KINDS: [PinKind; 4] = [
    PinKind::SocketInet,
    PinKind::SocketUnix,
    PinKind::SocketOther,
    PinKind::Fsnotify,
];

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
    sockets: Vec<OpenFile>,
    inotify: Vec<OpenFile>,
    fanotify: Vec<OpenFile>,
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

/// Counts the references that open files hold.
pub(super) fn count(
    reader: &Reader<'_>,
    open: &Open,
    namespaces: &Namespaces,
    ledger: &mut Ledger,
) -> Found {
    for (sock, zombie, files) in owned(reader, &open.sockets, Field::SockMemcg, ledger)? {
        let users = users(reader, &files);
        match sockets::describe(reader, namespaces, sock, users) {
            Ok((kind, object)) => ledger.zombies[zombie].add(kind, object),
            // Closed meanwhile.
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
            Err(why) => return Err(why),
        }
    }
    for (kind, files) in [
        (ObjectKind::Inotify, &open.inotify),
        (ObjectKind::Fanotify, &open.fanotify),
    ] {
        for (_, zombie, files) in owned(reader, files, Field::FsnotifyMemcg, ledger)? {
            let mut object = Object {
                kind,
                refs: 1,
                ..Object::default()
            };
            set_users(&mut object, users(reader, &files));
            ledger.zombies[zombie].add(PinKind::Fsnotify, object);
        }
    }
    Ok(())
}

fn users(reader: &Reader<'_>, files: &[OpenFile]) -> Vec<User> {
    let user = |file: &OpenFile| {
        let user = tasks::user(reader, file.task, UserKind::Open)?;
        Some(User {
            fd: Some(file.fd),
            ..user
        })
    };
    files.iter().filter_map(user).collect()
}

/// Objects whose field `memcg` is a zombie: the object, the zombie, and the files that are it.
fn owned(
    reader: &Reader<'_>,
    files: &[OpenFile],
    memcg: Field,
    ledger: &mut Ledger,
) -> Result<Vec<(u64, usize, Vec<OpenFile>)>, Unreadable> {
    ledger.visited.objects += files.len() as u64;
    let objects: Vec<_> = files.iter().map(|file| file.object).collect();
    let memcgs = reader.column(&objects, memcg)?;
    let mut found: HashMap<u64, (usize, Vec<OpenFile>)> = HashMap::new();
    for (file, memcg) in files.iter().zip(memcgs) {
        if let Some(zombie) = memcg.and_then(|memcg| ledger.position(memcg)) {
            let entry = found.entry(file.object).or_insert((zombie, Vec::new()));
            entry.1.push(*file);
        }
    }
    let found = found.into_iter();
    Ok(found
        .map(|(object, (zombie, files))| (object, zombie, files))
        .collect())
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
    mut see: impl FnMut(u64, &[u32], &[u64]) -> Found,
) -> Found {
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
pub(in crate::kernel) fn table(
    reader: &Reader<'_>,
    files: u64,
) -> Result<(Vec<u32>, Vec<u64>), Unreadable> {
    let table = reader.word(files, Field::FilesFdt)?;
    let count = reader.word(table, Field::FdtMaxFds)?.min(MOST);
    let array = reader.word(table, Field::FdtFd)?;
    let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * 8];
    reader.memory.read(array, &mut bytes)?;
    let used = (0..).zip(words(&bytes)).filter(|(_, file)| *file != 0);
    Ok(used.unzip())
}
