//! References in sockets, and holders of sockets other than descriptors.

use std::collections::HashSet;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::{HolderSearch, of_kernel};
use crate::kernel::pins::holders::{Kind, Thing};
use crate::sample::pins::{User, UserKind};

/// Address families (include/linux/socket.h).
const AF_UNIX: u64 = 1;
const AF_INET: u64 = 2;
const AF_INET6: u64 = 10;

/// Each file in a message has one reference from the message (net/core/scm.c: scm_fp_copy()).
pub(super) fn messages(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let queues = search.open.queues()?;
    search.visited += queues.sent.len() as u64;
    for sent in &queues.sent {
        let file = Kind::File.at(sent.file);
        of_owners(search, file, sent.receiver, UserKind::Receives);
    }
    Ok(())
}

/// A connection in a queue is held by the queue, until it is accepted (net/unix/af_unix.c).
pub(super) fn connections(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let queues = search.open.queues()?;
    search.visited += queues.connections.len() as u64;
    for connection in &queues.connections {
        let sock = Kind::Sock.at(connection.sock);
        of_owners(search, sock, connection.listener, UserKind::Accepts);
    }
    Ok(())
}

/// Adds the processes that have the socket of a queue open: one reference for all of them.
fn of_owners(search: &mut HolderSearch<'_, '_>, thing: Thing, socket: u64, kind: UserKind) {
    let Ok(queues) = search.open.queues() else {
        return;
    };
    if !search.wants(thing) {
        return;
    }
    let owners = queues.open.get(&socket).into_iter().flatten();
    let users = owners.filter_map(|owner| {
        let user = search.task(owner.task, kind)?;
        Some(User {
            fd: Some(owner.fd),
            ..user
        })
    });
    let users: Vec<_> = users.collect();
    for (at, user) in users.into_iter().enumerate() {
        let refs = Some(u64::from(at == 0));
        search.hold(thing, User { refs, ..user });
    }
}

/// A table has one reference to each Unix socket that was not closed. Each peer that points to it
/// has another one (net/unix/af_unix.c: unix_insert_socket(), unix_peer()).
pub(super) fn unix_peers(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let wanted = socks(search, &[AF_UNIX])?;
    for sock in &wanted {
        if search.reader.word(*sock, Field::SockHashed)? != 0 {
            search.explain(Kind::Sock.at(*sock), 1);
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let queues = search.open.queues()?;
    let (ends, reached_by): (Vec<_>, Vec<_>) = queues.reached_by.iter().unzip();
    let families = search.reader.column(&ends, Field::SockFamily)?;
    let peers = search.reader.column(&ends, Field::UnixPeer)?;
    search.visited += ends.len() as u64;
    for ((family, peer), reached_by) in families.into_iter().zip(peers).zip(reached_by) {
        if let (Some(AF_UNIX), Some(peer)) = (family, peer.filter(|peer| *peer != 0)) {
            of_owners(search, Kind::Sock.at(peer), reached_by, UserKind::Peer);
        }
    }
    Ok(())
}

/// The protocol holds a connection that no process has open any more, until it has ended it; so
/// does each of its running timers (net/ipv4/tcp.c: __tcp_close(); include/net/sock.h:
/// sk_reset_timer()).
pub(super) fn lingering(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    for sock in socks(search, &[AF_INET, AF_INET6])? {
        let reader = search.reader;
        if reader.word(sock, Field::SockSocket)? != 0 {
            continue;
        }
        let thing = Kind::Sock.at(sock);
        let state = reader.word(sock, Field::SockState)?;
        search.hold(thing, of_kernel(&*format!("TCP, in {}", state_name(state))));
        let mut timers = HashSet::new();
        for timer in [
            Field::SockTimer,
            Field::TcpRetransmitTimer,
            Field::TcpDelayTimer,
            Field::TcpKeepaliveTimer,
        ] {
            let Ok(place) = reader.offset(timer) else {
                continue;
            };
            // Some kernels have two names for one timer.
            if timers.insert(place) && reader.word(sock, timer)? != 0 {
                search.explain(thing, 1);
            }
        }
    }
    Ok(())
}

/// Sockets of some families whose own count is used.
fn socks(search: &HolderSearch<'_, '_>, families: &[u64]) -> Result<Vec<u64>, Unreadable> {
    let socks = search.holders.socks();
    let of_each = search.reader.column(&socks, Field::SockFamily)?;
    let of_each = socks.into_iter().zip(of_each);
    Ok(of_each
        .filter(|(_, family)| family.is_some_and(|family| families.contains(&family)))
        .map(|(sock, _)| sock)
        .collect())
}

/// States as `ss` names them (include/net/tcp_states.h).
fn state_name(state: u64) -> &'static str {
    match state {
        1 => "ESTABLISHED",
        2 => "SYN_SENT",
        3 => "SYN_RECV",
        4 => "FIN_WAIT1",
        5 => "FIN_WAIT2",
        6 => "TIME_WAIT",
        7 => "CLOSE",
        8 => "CLOSE_WAIT",
        9 => "LAST_ACK",
        10 => "LISTEN",
        11 => "CLOSING",
        _ => "an unknown state",
    }
}
