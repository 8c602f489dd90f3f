//! References that the objects behind file descriptors hold: sockets, and groups of watches.

use std::collections::HashMap;

use super::Found;
use super::ledger::{Ledger, set_users};
use super::namespaces::Namespaces;
use super::sockets;
use crate::kernel::layout::fields::Field;
use crate::kernel::memory::Unreadable;
use crate::kernel::open_files::{Open, OpenFile};
use crate::kernel::reader::Reader;
use crate::kernel::tasks;
use crate::sample::pins::{Object, ObjectKind, PinKind, User, UserKind};

/// What open files can hold.
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
