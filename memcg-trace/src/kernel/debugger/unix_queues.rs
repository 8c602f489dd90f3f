//! Queues of Unix sockets: files that were sent and not received (`SCM_RIGHTS`), and connections
//! that were made and not accepted.
//!
//! A file in a queue may be a socket with a queue of its own, so the queues of such sockets are
//! read as well (net/unix/af_unix.c: unix_stream_connect(), unix_accept(); net/core/scm.c).

use crate::kernel::host::symbols::Symbol;
use std::collections::HashMap;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_file::OpenFile;
use crate::kernel::debugger::operations;
use crate::kernel::debugger::reader::{Reader, is_kernel_address, words};
use crate::kernel::layout::fields::Field;

/// Address family of Unix sockets (include/linux/socket.h).
const AF_UNIX: u64 = 1;
/// `sock.sk_state` of a listening socket (include/net/tcp_states.h).
const TCP_LISTEN: u64 = 10;
/// Most messages of one queue that are read.
const MAX_MESSAGES: usize = 10_000;
/// Most entries of all queues together.
const MAX_QUEUED: usize = 100_000;
/// Most files of one message (include/net/scm.h: SCM_MAX_FD).
const MAX_FILES: u64 = 253;

/// A file in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sent {
    pub(crate) file: u64,
    /// The socket of the queue, or if no process has it open, the open one that leads to it.
    pub(crate) receiver: u64,
}

/// A connection that waits to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Connection {
    pub(crate) sock: u64,
    /// The listening socket, or the open one that leads to it.
    pub(crate) listener: u64,
}

/// The contents of all queues.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    pub(crate) sent: Vec<Sent>,
    pub(crate) connections: Vec<Connection>,
    /// The open files of the sockets that receive or listen.
    pub(crate) open: HashMap<u64, Vec<OpenFile>>,
    /// Each socket that is open or in a queue, and the open one that leads to it.
    pub(crate) reached_by: HashMap<u64, u64>,
}

impl Queues {
    /// Reads the queues of all sockets that are open.
    pub(crate) fn read(reader: &Reader<'_>, sockets: &[OpenFile]) -> Result<Self, Unreadable> {
        let mut queues = Self::default();
        for file in sockets {
            let of_sock = queues.open.entry(file.object).or_default();
            of_sock.push(*file);
        }
        let operations = reader.symbol(Symbol::SocketFileOps)?;
        // Each socket with the open one that leads to it.
        let mut next: Vec<(u64, u64)> = queues.open.keys().map(|sock| (*sock, *sock)).collect();
        queues.reached_by = next.iter().copied().collect();
        while !next.is_empty() && queues.reached_by.len() < MAX_QUEUED {
            let mut found = queues.look(reader, operations, &next)?;
            found.retain(|(sock, _)| !queues.reached_by.contains_key(sock));
            queues.reached_by.extend(found.iter().copied());
            next = found;
        }
        Ok(queues)
    }

    /// Reads some queues, and returns the sockets in them.
    fn look(
        &mut self,
        reader: &Reader<'_>,
        socket_operations: u64,
        sockets: &[(u64, u64)],
    ) -> Result<Vec<(u64, u64)>, Unreadable> {
        let socks: Vec<_> = sockets.iter().map(|(sock, _)| *sock).collect();
        let families = reader.column(&socks, Field::SockFamily)?;
        let lengths = reader.column(&socks, Field::SockReceiveQueueLen)?;
        let mut found = Vec::new();
        for (((sock, reached_by), family), length) in sockets.iter().zip(families).zip(lengths) {
            if family != Some(AF_UNIX) || length.is_none_or(|length| length == 0) {
                continue;
            }
            let Ok(messages) = messages(reader, *sock) else {
                // The queue was emptied meanwhile.
                continue;
            };
            if reader.word(*sock, Field::SockState) == Ok(TCP_LISTEN) {
                for sock in reader
                    .column(&messages, Field::SkbSock)?
                    .into_iter()
                    .flatten()
                {
                    let listener = *reached_by;
                    self.connections.push(Connection { sock, listener });
                    found.push((sock, listener));
                }
                continue;
            }
            let files = files(reader, &messages)?;
            let operations = reader.column(&files, Field::FileOp)?;
            let privates = reader.column(&files, Field::FilePrivate)?;
            for ((file, operation), socket) in files.into_iter().zip(operations).zip(privates) {
                let receiver = *reached_by;
                self.sent.push(Sent { file, receiver });
                if operation == Some(socket_operations)
                    && let Some(socket) = socket
                    && let Ok(sock) = reader.word(socket, Field::SocketSk)
                {
                    found.push((sock, receiver));
                }
            }
        }
        Ok(found)
    }

    /// Connections that were not accepted, and their other ends, by the process that listens.
    pub(crate) fn not_accepted(&self, reader: &Reader<'_>) -> Result<Vec<OpenFile>, Unreadable> {
        let mut found = Vec::new();
        let socks: Vec<_> = self.connections.iter().map(|one| one.sock).collect();
        let peers = reader.column(&socks, Field::UnixPeer)?;
        for (connection, peer) in self.connections.iter().zip(peers) {
            let Some(listener) = self
                .open
                .get(&connection.listener)
                .and_then(|all| all.first())
            else {
                continue;
            };
            let ends = [Some(connection.sock), peer];
            for object in ends.into_iter().flatten().filter(|end| *end != 0) {
                found.push(OpenFile {
                    object,
                    ..*listener
                });
            }
        }
        Ok(found)
    }

    /// Files of a kind among those that were sent, by the process that has the receiving socket
    /// open.
    pub(crate) fn files_with(
        &self,
        reader: &Reader<'_>,
        operations: &[Symbol],
        field: Field,
    ) -> Result<Vec<OpenFile>, Unreadable> {
        let wanted = operations::addresses(reader, operations)?;
        let files: Vec<_> = self.sent.iter().map(|sent| sent.file).collect();
        let operations = reader.column(&files, Field::FileOp)?;
        let objects = reader.column(&files, field)?;
        let all = self.sent.iter().zip(operations).zip(objects);
        Ok(all
            .filter_map(|((sent, operation), object)| {
                let receiver = self.open.get(&sent.receiver)?.first()?;
                wanted.contains(&operation?).then_some(OpenFile {
                    file: sent.file,
                    object: object?,
                    ..*receiver
                })
            })
            .collect())
    }
}

/// The messages in the queue of a socket.
fn messages(reader: &Reader<'_>, sock: u64) -> Result<Vec<u64>, Unreadable> {
    let head = sock + reader.offset(Field::SockReceiveQueue)?;
    Ok(reader.list(head, Field::SkbNext, MAX_MESSAGES)?.0)
}

/// The files that messages carry (`UNIXCB(skb).fp`).
fn files(reader: &Reader<'_>, messages: &[u64]) -> Result<Vec<u64>, Unreadable> {
    let control = reader.offset(Field::SkbCb)?;
    let controls: Vec<_> = messages.iter().map(|message| message + control).collect();
    let lists = reader.column(&controls, Field::UnixSkbFiles)?;
    let mut found = Vec::new();
    for list in lists.into_iter().flatten() {
        if !is_kernel_address(list) {
            continue;
        }
        let Ok(count) = reader.word(list, Field::ScmFilesCount) else {
            continue;
        };
        let mut files = vec![0; usize::try_from(count.min(MAX_FILES)).unwrap_or(0) * 8];
        let first = list + reader.offset(Field::ScmFiles)?;
        if reader.memory.read(first, &mut files).is_ok() {
            let files = words(&files).into_iter();
            found.extend(files.filter(|file| is_kernel_address(*file)));
        }
    }
    Ok(found)
}
