//! Open files of all threads: sockets, inotify and fanotify groups, namespaces, and others.

use crate::kernel::host::symbols::Symbol;
use std::collections::{HashMap, HashSet};

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_file::OpenFile;
use crate::kernel::debugger::operations;
use crate::kernel::debugger::reader::{Reader, words};
use crate::kernel::debugger::tasks::Thread;
use crate::kernel::debugger::unix_queues::Queues;
use crate::kernel::layout::fields::Field;

/// Most descriptors of one process (`fs.nr_open` by default).
const MAX_FDS: u64 = 1 << 20;

/// The descriptors of one process, or of several that share them.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// The leader of each process that has the table, or the one thread that does.
    pub(crate) tasks: Vec<u64>,
    /// Descriptors in use, their files and the operations of these (`file.f_op`).
    pub(crate) fds: Vec<u32>,
    pub(crate) files: Vec<u64>,
    ops: Vec<u64>,
}

/// Open files of one kind; or the reason why they could not be told from others.
pub(crate) type Files = Result<Vec<OpenFile>, Unreadable>;

/// The files of one kind.
pub(crate) fn known(files: &Files) -> Result<&[OpenFile], Unreadable> {
    files.as_deref().map_err(Clone::clone)
}

/// Files that processes have open.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) tables: Vec<Table>,
    /// With the sockets that are in a queue of one.
    pub(crate) sockets: Files,
    pub(crate) inotify: Files,
    pub(crate) fanotify: Files,
    pub(crate) namespaces: Files,
    pub(crate) tuns: Files,
    /// The queues of those sockets.
    pub(crate) queues: Result<Queues, Unreadable>,
    known_sockets: HashSet<u64>,
}

impl Default for Open {
    fn default() -> Self {
        let unread = || Unreadable::Failed("no open files are known".to_owned());
        let files = || Err(unread());
        Self {
            tables: Vec::new(),
            sockets: files(),
            inotify: files(),
            fanotify: files(),
            namespaces: files(),
            tuns: files(),
            queues: Err(unread()),
            known_sockets: HashSet::new(),
        }
    }
}

impl Open {
    /// Reads the open files of all threads; a table that several share is one.
    pub(crate) fn read(reader: &Reader<'_>, threads: &[Thread]) -> Result<Self, Unreadable> {
        let mut open = Self {
            tables: tables(reader, threads)?,
            ..Self::default()
        };
        let sockets = open.of_kind(reader, &[Symbol::SocketFileOps], Field::FilePrivate);
        let sockets = sockets.and_then(|files| socks(reader, files));
        let queues = sockets.as_ref().map_err(Clone::clone);
        open.queues = queues.and_then(|sockets| Queues::read(reader, sockets));
        open.sockets = sockets.and_then(|sockets| open.with_queued(reader, sockets));
        let known = open.sockets.iter().flatten();
        open.known_sockets = known.map(|file| file.object).collect();
        let of_kind =
            |operations: &[Symbol], field| open.of_kind_and_sent(reader, operations, field);
        let private = Field::FilePrivate;
        let tuns = of_kind(&[Symbol::TunFops, Symbol::TapFops], private);
        let inotify = of_kind(&[Symbol::InotifyFops], private);
        let fanotify = of_kind(&[Symbol::FanotifyFops], private);
        let namespaces = of_kind(&[Symbol::NsFileOperations], Field::FileInode);
        Ok(Self {
            tuns,
            inotify,
            fanotify,
            namespaces,
            ..open
        })
    }

    /// Descriptors whose file has one of these `f_op`, with a field of the file, by the first
    /// process that has each. An error if the kernel has such files and does not tell their `f_op`.
    pub(crate) fn of_kind(
        &self,
        reader: &Reader<'_>,
        operations: &[Symbol],
        field: Field,
    ) -> Files {
        let wanted = operations::addresses(reader, operations)?;
        let mut found = Vec::new();
        for table in &self.tables {
            for (at, op) in table.ops.iter().enumerate() {
                if let (true, Some(task)) = (wanted.contains(op), table.tasks.first()) {
                    found.push(OpenFile {
                        task: *task,
                        fd: table.fds[at],
                        file: table.files[at],
                        object: 0,
                    });
                }
            }
        }
        let files: Vec<_> = found.iter().map(|one| one.file).collect();
        let objects = reader.column(&files, field)?;
        for (file, object) in found.iter_mut().zip(objects) {
            file.object = object.unwrap_or(0);
        }
        found.retain(|file| file.object != 0);
        Ok(found)
    }

    /// Descriptors as in [`Self::of_kind`], plus files that were sent over a socket and not
    /// received: by the process that has that socket.
    pub(crate) fn of_kind_and_sent(
        &self,
        reader: &Reader<'_>,
        operations: &[Symbol],
        field: Field,
    ) -> Files {
        let mut found = self.of_kind(reader, operations, field)?;
        if let Ok(queues) = &self.queues {
            found.extend(queues.files_with(reader, operations, field)?);
        }
        Ok(found)
    }

    /// Adds to sockets that are open those that were sent over them and not received, and
    /// connections that were not accepted.
    fn with_queued(&self, reader: &Reader<'_>, mut sockets: Vec<OpenFile>) -> Files {
        if let Ok(queues) = &self.queues {
            let sent = queues.files_with(reader, &[Symbol::SocketFileOps], Field::FilePrivate)?;
            sockets.extend(socks(reader, sent)?);
            sockets.extend(queues.not_accepted(reader)?);
        }
        Ok(sockets)
    }

    /// The queues of sockets.
    pub(crate) fn queues(&self) -> Result<&Queues, Unreadable> {
        self.queues.as_ref().map_err(Clone::clone)
    }

    /// Groups of watches, as far as they could be read.
    pub(crate) fn watches(&self) -> impl Iterator<Item = &OpenFile> {
        let inotify = self.inotify.iter().flatten();
        inotify.chain(self.fanotify.iter().flatten())
    }

    /// Whether any process has a socket open.
    pub(crate) fn has_socket(&self, sock: u64) -> bool {
        self.known_sockets.contains(&sock)
    }
}

/// Replaces the private data of open sockets, `struct socket`, by their `struct sock`.
fn socks(reader: &Reader<'_>, mut files: Vec<OpenFile>) -> Files {
    let sockets: Vec<_> = files.iter().map(|file| file.object).collect();
    let socks = reader.column(&sockets, Field::SocketSk)?;
    for (file, sock) in files.iter_mut().zip(socks) {
        file.object = sock.unwrap_or(0);
    }
    files.retain(|file| file.object != 0);
    Ok(files)
}

/// The tables of all threads. A table whose thread exits meanwhile is left out.
fn tables(reader: &Reader<'_>, threads: &[Thread]) -> Result<Vec<Table>, Unreadable> {
    let mut by_address: HashMap<u64, usize> = HashMap::new();
    let mut found: Vec<(u64, Vec<u64>)> = Vec::new();
    let leaders = reader.column(
        &threads.iter().map(|thread| thread.task).collect::<Vec<_>>(),
        Field::TaskGroupLeader,
    )?;
    let mut sharers = HashSet::new();
    for (thread, leader) in threads.iter().zip(leaders) {
        // Leaders come first: other threads of a process add nothing to the same table.
        let process = leader.unwrap_or(thread.task);
        if thread.files == 0 || !sharers.insert((thread.files, process)) {
            continue;
        }
        let at = *by_address.entry(thread.files).or_insert_with(|| {
            found.push((thread.files, Vec::new()));
            found.len() - 1
        });
        found[at].1.push(thread.task);
    }
    let mut tables = Vec::new();
    for (address, tasks) in found {
        let (fds, files) = match table(reader, address) {
            Ok(table) => table,
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => continue,
            Err(why) => return Err(why),
        };
        let ops = reader.column(&files, Field::FileOp)?;
        tables.push(Table {
            tasks,
            fds,
            files,
            ops: ops.into_iter().map(Option::unwrap_or_default).collect(),
        });
    }
    Ok(tables)
}

/// Descriptors in use, and their files.
pub(crate) fn table(reader: &Reader<'_>, files: u64) -> Result<(Vec<u32>, Vec<u64>), Unreadable> {
    let table = reader.word(files, Field::FilesFdt)?;
    let count = reader.word(table, Field::FdtMaxFds)?.min(MAX_FDS);
    let array = reader.word(table, Field::FdtFd)?;
    let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * 8];
    reader.memory.read(array, &mut bytes)?;
    let used = (0..).zip(words(&bytes)).filter(|(_, file)| *file != 0);
    Ok(used.unzip())
}
