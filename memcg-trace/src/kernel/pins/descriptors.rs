//! References from the objects behind file descriptors: sockets, and groups of watches.

use std::collections::HashSet;

use super::holders::Kind;
use super::ledger::Ledger;
use super::namespaces::Namespaces;
use super::sockets;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_file::OpenFile;
use crate::kernel::debugger::open_files::{self, Open};
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;
use crate::sample::pins::{Object, ObjectKind, PinKind};

/// Kinds of references that open files can hold.
pub(super) const KINDS: [PinKind; 4] = [
    PinKind::SocketInet,
    PinKind::SocketUnix,
    PinKind::SocketOther,
    PinKind::Fsnotify,
];

/// Counts the references that open files hold.
pub(super) fn count(
    reader: &Reader<'_>,
    open: &Open,
    namespaces: &Namespaces,
    ledger: &mut Ledger,
) {
    let (inet, unix) = (PinKind::SocketInet, PinKind::SocketUnix);
    let (other, watches) = (PinKind::SocketOther, PinKind::Fsnotify);
    // The file of a tun device starts with its socket (drivers/net/tun.c: struct tun_file).
    for (kinds, files) in [
        (&[inet, unix, other][..], &open.sockets),
        (&[other], &open.tuns),
    ] {
        ledger.search(kinds, |ledger| {
            sockets(reader, open_files::known(files)?, namespaces, ledger)
        });
    }
    for (kind, files) in [
        (ObjectKind::Inotify, &open.inotify),
        (ObjectKind::Fanotify, &open.fanotify),
    ] {
        ledger.search(&[watches], |ledger| {
            groups(reader, kind, open_files::known(files)?, ledger)
        });
    }
    // Files that were sent over a socket and not received are of any kind.
    ledger.search(&KINDS, |_| open.queues().map(drop));
}

fn sockets(
    reader: &Reader<'_>,
    files: &[OpenFile],
    namespaces: &Namespaces,
    ledger: &mut Ledger,
) -> Result<(), Unreadable> {
    for (sock, zombie) in owned(reader, files, Field::SockMemcg, ledger)? {
        match sockets::describe(reader, namespaces, sock) {
            Ok((kind, object)) => {
                ledger.zombies[zombie].add_held(kind, object, Kind::Sock.at(sock));
            }
            // The file was closed meanwhile.
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
            Err(why) => return Err(why),
        }
    }
    Ok(())
}

fn groups(
    reader: &Reader<'_>,
    kind: ObjectKind,
    files: &[OpenFile],
    ledger: &mut Ledger,
) -> Result<(), Unreadable> {
    for (group, zombie) in owned(reader, files, Field::FsnotifyMemcg, ledger)? {
        let object = Object {
            kind,
            refs: 1,
            ..Object::default()
        };
        let thing = Kind::Watches.at(group);
        ledger.zombies[zombie].add_held(PinKind::Fsnotify, object, thing);
    }
    Ok(())
}

/// Objects whose field `memcg` is a zombie, each with the zombie.
fn owned(
    reader: &Reader<'_>,
    files: &[OpenFile],
    memcg: Field,
    ledger: &mut Ledger,
) -> Result<Vec<(u64, usize)>, Unreadable> {
    ledger.visited.objects += files.len() as u64;
    let objects: HashSet<u64> = files.iter().map(|file| file.object).collect();
    let objects: Vec<_> = objects.into_iter().collect();
    let memcgs = reader.column(&objects, memcg)?;
    let found = objects.into_iter().zip(memcgs);
    Ok(found
        .filter_map(|(object, memcg)| Some((object, ledger.position(memcg?)?)))
        .collect())
}
