//! The ways to hold a thing: who can, where to look, and what that is called. One row a way.
//!
//! A row whose place cannot be looked at is noted with each object that has references left; so
//! is one that nothing looks at.

mod sockets;
mod tasks;

use super::Found;
use super::holders::{Kind, Look};

/// One way.
struct Way {
    /// What it is called: "open files of processes".
    name: &'static str,
    /// What can be held in it.
    holds: &'static [Kind],
    /// Goes through all that hold in this way, and tells [`Look::hold`]; `None` where nothing
    /// looks.
    look: Option<fn(&mut Look<'_, '_>) -> Found>,
}

const fn way(
    name: &'static str,
    holds: &'static [Kind],
    look: fn(&mut Look<'_, '_>) -> Found,
) -> Way {
    Way {
        name,
        holds,
        look: Some(look),
    }
}

const fn unseen(name: &'static str, holds: &'static [Kind]) -> Way {
    Way {
        name,
        holds,
        look: None,
    }
}

const FILES: &[Kind] = &[Kind::File];
const NAMES: &[Kind] = &[Kind::Dentry];
const SOCKS: &[Kind] = &[Kind::Sock];

/// The table.
const WAYS: &[Way] = &[
    way("descriptors of processes", FILES, tasks::descriptors),
    way("mappings of processes", FILES, tasks::mappings),
    way("executables of processes", FILES, tasks::executables),
    way("working and root directories", NAMES, tasks::directories),
    way("messages of Unix sockets", FILES, sockets::messages),
    way("connections to be accepted", SOCKS, sockets::connections),
    way("peers of Unix sockets", SOCKS, sockets::unix_peers),
    way("connections that linger", SOCKS, sockets::lingering),
    unseen("asynchronous I/O", FILES),
    unseen(
        "modules of the kernel",
        &[Kind::Inode, Kind::Dentry, Kind::File, Kind::Sock],
    ),
];

/// Looks in every way.
pub(super) fn look(look: &mut Look<'_, '_>) {
    for way in WAYS {
        let what = match way.look.map(|of| of(look)) {
            Some(Ok(())) => continue,
            Some(Err(why)) => format!("{}: {why}", way.name),
            None => way.name.to_owned(),
        };
        look.holders.note(way.holds, what);
    }
}
