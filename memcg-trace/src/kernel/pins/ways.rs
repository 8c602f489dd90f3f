//! The table of ways to hold a thing, one row for each: the function that looks, and the name for
//! users. The ways to hold a memcg have files of their own.
//!
//! A row that cannot be looked at, or that has no function, is noted with each object that has
//! references left.

mod aio;
mod block_devices;
mod devices;
mod file_system_keepers;
mod files;
mod loops;
mod merged;
mod mounts;
mod overlay;
pub(super) mod pages;
mod rings;
mod segments;
mod sockets;
pub(super) mod swap_files;
mod tasks;
mod unmounted;
mod watches;

use super::holder_search::HolderSearch;
use super::holders::Kind;
use crate::kernel::debugger::memory::Unreadable;

/// A function that finds all holders of one kind, and passes them to [`HolderSearch::hold`].
type Search = fn(&mut HolderSearch<'_, '_>) -> Result<(), Unreadable>;

/// One way to hold a thing.
struct Way {
    /// Name for users: "open files of processes".
    name: &'static str,
    /// The kinds of things that can be held in this way.
    holds: &'static [Kind],
    /// `None` if nothing looks.
    search: Option<Search>,
}

const fn way(name: &'static str, holds: &'static [Kind], search: Search) -> Way {
    Way {
        name,
        holds,
        search: Some(search),
    }
}

const fn unseen(name: &'static str, holds: &'static [Kind]) -> Way {
    Way {
        name,
        holds,
        search: None,
    }
}

const FILES: &[Kind] = &[Kind::File];
const INODES: &[Kind] = &[Kind::Inode];
const NAMES: &[Kind] = &[Kind::Dentry];
const SOCKS: &[Kind] = &[Kind::Sock];
const PAGES: &[Kind] = &[Kind::Folio];

/// One row for each way.
const WAYS: &[Way] = &[
    way("descriptors of processes", FILES, tasks::descriptors),
    way("mappings of processes", FILES, tasks::mappings),
    way("executables of processes", FILES, tasks::executables),
    way("working and root directories", NAMES, tasks::directories),
    way("inotify and fanotify watches", INODES, watches::inodes),
    way("SysV segments", FILES, segments::files),
    way("loop devices", FILES, loops::backing_files),
    way("mounts", NAMES, mounts::roots),
    way(
        "what keeps file systems that no process sees mounted",
        INODES,
        unmounted::keepers,
    ),
    way("swap", FILES, swap_files::files),
    way(
        "file systems on block devices",
        &[Kind::Inode, Kind::File],
        block_devices::inodes,
    ),
    way("overlayfs", FILES, overlay::real_files),
    way("inodes of overlayfs", NAMES, overlay::real_dentries),
    way(
        "files registered with io_uring",
        FILES,
        rings::registered_files,
    ),
    way("page tables of processes", PAGES, pages::mapped),
    way("pipes", PAGES, pages::in_pipes),
    way("pages that were merged (KSM)", PAGES, merged::mapped),
    way(
        "buffers registered with io_uring",
        PAGES,
        rings::registered_buffers,
    ),
    unseen("direct I/O and devices (pinned pages)", PAGES),
    unseen("data of sockets that is not copied", PAGES),
    way("messages of Unix sockets", FILES, sockets::messages),
    way("connections to be accepted", SOCKS, sockets::connections),
    way("peers of Unix sockets", SOCKS, sockets::unix_peers),
    way("connections that linger", SOCKS, sockets::lingering),
    way("contexts of asynchronous I/O", FILES, aio::contexts),
    unseen("asynchronous I/O that cannot be cancelled", FILES),
    unseen(
        "servers of the kernel (NFS, SMB, SCSI and USB targets)",
        &[Kind::Dentry, Kind::File],
    ),
    unseen("caches and passthrough (cachefiles, FUSE)", FILES),
    unseen("process accounting", FILES),
    unseen("interpreters that binfmt_misc keeps open", FILES),
    unseen("probes of user space (perf, BPF, tracefs)", NAMES),
    unseen("notifications of POSIX message queues", SOCKS),
    unseen(
        "modules of the kernel",
        &[
            Kind::Inode,
            Kind::Dentry,
            Kind::File,
            Kind::Sock,
            Kind::Folio,
        ],
    ),
];

/// Looks in every way for holders.
pub(super) fn search(search: &mut HolderSearch<'_, '_>) {
    for way in WAYS {
        let what = match way.search.map(|of| of(search)) {
            Some(Ok(())) => continue,
            Some(Err(why)) => format!("{}: {why}", way.name),
            None => way.name.to_owned(),
        };
        search.holders.note(way.holds, what);
    }
}
