//! Where reclaim can move an object's pages. The kernel's own marks are in the sample; recordings
//! that were made before have only the name of the file system.

use crate::sample::Text;
use crate::sample::pins::{Backing, Object};

/// File systems whose files are only in memory, until they are swapped out.
const SWAPPED: &[&[u8]] = &[b"tmpfs", b"devtmpfs", b"rootfs"];
/// File systems of nameless files, which only descriptors and mappings keep.
const NAMELESS: &[&[u8]] = &[b"aio", b"secretmem", b"guest_memfd", b"anon_inodefs"];

/// The backing of an object's pages.
pub(super) fn of(object: &Object) -> Backing {
    match object.backing {
        Some(known) if known != Backing::Unknown => known,
        _ => by_name(object),
    }
}

fn by_name(object: &Object) -> Backing {
    match name(object) {
        b"hugetlbfs" => Backing::HugePages,
        b"ramfs" => Backing::Memory,
        fs if SWAPPED.contains(&fs) => Backing::Swap,
        fs if NAMELESS.contains(&fs) => Backing::Memory,
        _ => Backing::Storage,
    }
}

/// Returns whether no path can lead to a file.
pub(super) fn is_nameless(object: &Object) -> bool {
    match object.is_mountable {
        Some(is_mountable) => !is_mountable,
        None => NAMELESS.contains(&name(object)),
    }
}

fn name(object: &Object) -> &[u8] {
    object.fs.as_ref().map_or(&b""[..], Text::as_bytes)
}
