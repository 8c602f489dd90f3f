//! Paths of files, from the kernel's own directory entries and mounts.

use std::ops::ControlFlow;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address};
use crate::kernel::layout::fields::Field;
use crate::sample::Text;

/// Most components of a path.
pub(crate) const DEPTH: usize = 128;
/// Most mounts on the way to the root.
pub(crate) const MOUNTS: usize = 32;

/// Mounts of a superblock, at most `most`.
pub(crate) fn mounts(
    reader: &Reader<'_>,
    superblock: u64,
    most: usize,
) -> Result<Vec<u64>, Unreadable> {
    let head = superblock + reader.offset(Field::SbMounts)?;
    if reader.has(Field::MountInstance) {
        return Ok(reader.list(head, Field::MountInstance, most)?.0);
    }
    // Since 6.18 the list has no head.
    let next = reader.offset(Field::MountNextForSb)?;
    let mut found = Vec::new();
    reader
        .memory
        .chain(reader.word_at(head)?, 0, next, |mounts| {
            found.extend_from_slice(mounts);
            if found.len() < most {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
    Ok(found)
}

/// The path of a mount point; `None` for the kernel's own mounts.
pub(crate) fn of_mount(reader: &Reader<'_>, mount: u64) -> Option<Text> {
    let mut parts = Vec::new();
    above(reader, mount, &mut parts)?;
    Some(joined(&parts))
}

/// Path of a kernfs directory, such as a cgroup's, below the root of its hierarchy.
pub(crate) fn of_kernfs(reader: &Reader<'_>, mut node: u64) -> Option<Text> {
    /// Most bytes of a name (include/linux/limits.h: NAME_MAX).
    const BYTES: usize = 256;
    let mut parts = Vec::new();
    for _ in 0..DEPTH {
        let parent = reader.word(node, Field::KernfsParent).ok()?;
        if parent == 0 {
            return Some(joined(&parts));
        }
        let name = reader.word(node, Field::KernfsName).ok()?;
        parts.push(reader.string(name, BYTES).ok()?);
        node = parent;
    }
    None
}

/// Collects names from a dentry up to `root`, or to the one that has no parent.
fn up(reader: &Reader<'_>, mut dentry: u64, root: u64, parts: &mut Vec<Text>) -> Option<()> {
    for _ in 0..DEPTH {
        let parent = reader.word(dentry, Field::DentryParent).ok()?;
        if parent == dentry || root == dentry {
            return Some(());
        }
        parts.push(name(reader, dentry)?);
        dentry = parent;
    }
    None
}

/// Collects names from a mount up to the root of its namespace.
fn above(reader: &Reader<'_>, mut mount: u64, parts: &mut Vec<Text>) -> Option<()> {
    let namespace = reader.word(mount, Field::MountNs).ok()?;
    // The kernel's own mounts are in no namespace, or in one that is no address (MNT_NS_INTERNAL).
    if !is_kernel_address(namespace) || namespace == u64::MAX - 21 {
        return None;
    }
    for _ in 0..MOUNTS {
        let parent = reader.word(mount, Field::MountParent).ok()?;
        if parent == mount {
            return Some(());
        }
        let point = reader.word(mount, Field::MountMountpoint).ok()?;
        let root = reader.word(parent, Field::MountRoot).ok()?;
        up(reader, point, root, parts)?;
        mount = parent;
    }
    None
}

/// Name of a dentry.
pub(crate) fn name(reader: &Reader<'_>, dentry: u64) -> Option<Text> {
    let length = reader.word(dentry, Field::DentryNameLen).ok()?;
    let address = reader.word(dentry, Field::DentryName).ok()?;
    reader.name(address, length).ok()
}

/// A path from its components, the last one first.
pub(crate) fn joined(parts: &[Text]) -> Text {
    let mut path = Vec::new();
    for part in parts.iter().rev() {
        path.push(b'/');
        path.extend_from_slice(part.as_bytes());
    }
    if path.is_empty() {
        path.push(b'/');
    }
    Text::from(path)
}
