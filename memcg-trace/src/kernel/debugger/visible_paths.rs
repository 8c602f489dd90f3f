//! Visible paths of files: in our mount namespace, else by a process in another.
//!
//! A file has a path if a mount shows its directory and no other mount hides that. The kernel's
//! lists tell both without a lock.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::mount_namespaces::{Member, MountNamespaces, Place, inside_of};
use crate::kernel::debugger::paths::{self, DEPTH, MOUNTS, joined, name};
use crate::kernel::debugger::reader::{Reader, is_kernel_address};
use crate::kernel::layout::fields::Field;
use crate::sample::Text;

/// Most mounts of one file system, and most mounts on one mount.
const MAX_MOUNTS: usize = 20_000;
/// Most names of one file that are tried.
const NAMES: usize = 16;
/// Most other mount namespaces that are tried for one file.
const OTHERS: usize = 32;

/// A path, and the process for which it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VisiblePath {
    /// From the root of that process. Only the last component if no process sees the file.
    pub(crate) path: Text,
    /// A process that sees the file, if we do not.
    pub(crate) of_pid: Option<u32>,
}

impl VisiblePath {
    /// The path to use from here: in another mount namespace, through `/proc` of a process in it.
    pub(crate) fn path_here(self) -> Text {
        match self.of_pid {
            Some(pid) => inside_of(pid, &self.path),
            None => self.path,
        }
    }
}

/// The mounts that were read during one scan.
#[derive(Debug, Default)]
pub(crate) struct VisiblePaths {
    namespaces: MountNamespaces,
    /// Mounts of a superblock.
    mounts: HashMap<u64, Vec<Mount>>,
    /// Directories of a mount that another mount covers.
    covered: HashMap<u64, HashSet<u64>>,
}

#[derive(Clone, Copy, Debug)]
struct Mount {
    mount: u64,
    root: u64,
    namespace: u64,
}

/// The root directory of a process.
#[derive(Clone, Copy, Debug)]
struct Root {
    mount: u64,
    dentry: u64,
}

impl VisiblePaths {
    /// Reads the roots of these tasks.
    pub(crate) fn read(reader: &Reader<'_>, tasks: impl IntoIterator<Item = u64>) -> Self {
        let namespaces = MountNamespaces::read(reader, tasks).unwrap_or_default();
        Self {
            namespaces,
            ..Self::default()
        }
    }

    /// The place of a mount.
    pub(crate) fn of_mount(&self, reader: &Reader<'_>, mount: u64) -> Option<Place> {
        self.namespaces.place(reader, mount)
    }

    /// The path of a directory.
    pub(crate) fn of_directory(
        &mut self,
        reader: &Reader<'_>,
        dentry: u64,
        superblock: u64,
    ) -> Option<VisiblePath> {
        self.of_names(reader, &[dentry], superblock)
    }

    /// The path of a file.
    pub(crate) fn of_inode(
        &mut self,
        reader: &Reader<'_>,
        inode: u64,
        superblock: u64,
    ) -> Option<VisiblePath> {
        let names = dentries(reader, inode).ok()?;
        self.of_names(reader, &names, superblock)
    }

    fn of_names(
        &mut self,
        reader: &Reader<'_>,
        names: &[u64],
        superblock: u64,
    ) -> Option<VisiblePath> {
        let chains: Vec<Vec<u64>> = { names.iter() }
            .filter_map(|dentry| chain(reader, *dentry))
            .collect();
        let mounts = self.mounts_of(reader, superblock);
        let visible = self.ours(reader, &chains, &mounts);
        let visible = visible.or_else(|| self.of_others(reader, &chains, &mounts));
        visible.or_else(|| {
            let path = name(reader, *names.first()?)?;
            // The name of a root is no component.
            (path.as_bytes() != b"/").then_some(VisiblePath { path, of_pid: None })
        })
    }

    fn ours(
        &mut self,
        reader: &Reader<'_>,
        chains: &[Vec<u64>],
        mounts: &[Mount],
    ) -> Option<VisiblePath> {
        let (namespace, member) = self.namespaces.our_member()?;
        let path = self.seen_by(reader, chains, mounts, namespace, member)?;
        Some(VisiblePath { path, of_pid: None })
    }

    fn of_others(
        &mut self,
        reader: &Reader<'_>,
        chains: &[Vec<u64>],
        mounts: &[Mount],
    ) -> Option<VisiblePath> {
        let of_all = mounts.iter().map(|mount| mount.namespace);
        let distinct: HashSet<u64> = of_all.collect();
        let mut members: Vec<(Member, u64)> = { distinct.into_iter() }
            .filter_map(|of| Some((self.namespaces.member_of_other(of)?, of)))
            .collect();
        members.sort_unstable_by_key(|(member, _)| member.pid);
        members.truncate(OTHERS);
        members.into_iter().find_map(|(member, namespace)| {
            let path = self.seen_by(reader, chains, mounts, namespace, member)?;
            Some(VisiblePath {
                path,
                of_pid: Some(member.pid),
            })
        })
    }

    /// A path by which a process in a namespace reaches one of the names. Of several mounts that
    /// show it, the one that shows most of its file system: another may be of the file alone.
    fn seen_by(
        &mut self,
        reader: &Reader<'_>,
        chains: &[Vec<u64>],
        mounts: &[Mount],
        namespace: u64,
        member: Member,
    ) -> Option<Text> {
        let root = root_of(reader, member.task)?;
        for chain in chains {
            let in_it = mounts.iter().filter(|mount| mount.namespace == namespace);
            let mut shown: Vec<(usize, Mount)> = in_it
                .filter_map(|mount| {
                    let at = chain.iter().position(|dentry| *dentry == mount.root)?;
                    Some((at, *mount))
                })
                .collect();
            shown.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
            for (_, mount) in shown {
                if let Some(path) = self.path(reader, mount.mount, *chain.first()?, root) {
                    return Some(path);
                }
            }
        }
        None
    }

    /// The path from a root to a dentry on a mount; `None` if it is hidden, or not below.
    fn path(
        &mut self,
        reader: &Reader<'_>,
        mut mount: u64,
        mut dentry: u64,
        root: Root,
    ) -> Option<Text> {
        let mut parts = Vec::new();
        // The mount point that the path comes from is covered, of course.
        let mut below = None;
        for _ in 0..MOUNTS {
            let is_last = mount == root.mount;
            let top = match is_last {
                true => root.dentry,
                false => reader.word(mount, Field::MountRoot).ok()?,
            };
            let covered = self.covered(reader, mount)?;
            for step in 0.. {
                // A process looks down from its root, whatever is mounted on that.
                let is_start = is_last && dentry == top;
                if covered.contains(&dentry) && below != Some(dentry) && !is_start {
                    return None;
                }
                if dentry == top {
                    break;
                }
                let parent = reader.word(dentry, Field::DentryParent).ok()?;
                if parent == dentry || step >= DEPTH {
                    return None;
                }
                parts.push(name(reader, dentry)?);
                dentry = parent;
            }
            if is_last {
                return Some(joined(&parts));
            }
            let point = reader.word(mount, Field::MountMountpoint).ok()?;
            let parent = reader.word(mount, Field::MountParent).ok()?;
            if parent == mount {
                return None;
            }
            (mount, dentry, below) = (parent, point, Some(point));
        }
        None
    }

    fn mounts_of(&mut self, reader: &Reader<'_>, superblock: u64) -> Vec<Mount> {
        let read = || -> Result<Vec<Mount>, Unreadable> {
            let all = paths::mounts(reader, superblock, MAX_MOUNTS)?;
            let roots = reader.column(&all, Field::MountRoot)?;
            let namespaces = reader.column(&all, Field::MountNs)?;
            let all = all.into_iter().zip(roots.into_iter().zip(namespaces));
            Ok(all
                .filter_map(|(mount, (root, namespace))| {
                    Some(Mount {
                        mount,
                        root: root?,
                        namespace: namespace?,
                    })
                })
                .collect())
        };
        let mounts = self.mounts.entry(superblock);
        mounts.or_insert_with(|| read().unwrap_or_default()).clone()
    }

    /// Directories of a mount that another mount covers; `None` if they cannot be read.
    fn covered(&mut self, reader: &Reader<'_>, mount: u64) -> Option<&HashSet<u64>> {
        match self.covered.entry(mount) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(unknown) => {
                let head = mount + reader.offset(Field::MountChildren).ok()?;
                let (children, all) = reader.list(head, Field::MountChild, MAX_MOUNTS).ok()?;
                let points = reader.column(&children, Field::MountMountpoint).ok()?;
                let points = points.into_iter().flatten().collect();
                all.then(|| &*unknown.insert(points))
            }
        }
    }
}

/// The names of an inode that the kernel has in memory.
fn dentries(reader: &Reader<'_>, inode: u64) -> Result<Vec<u64>, Unreadable> {
    let offset = reader.offset(Field::DentryAlias)?;
    let mut alias = reader.word(inode, Field::InodeAliases)?;
    let mut all = Vec::new();
    while is_kernel_address(alias) && all.len() < NAMES {
        all.push(alias.wrapping_sub(offset));
        alias = reader.word_at(alias)?;
    }
    Ok(all)
}

/// A dentry and its ancestors, up to the root of the file system.
fn chain(reader: &Reader<'_>, mut dentry: u64) -> Option<Vec<u64>> {
    let mut chain = vec![dentry];
    for _ in 0..DEPTH {
        let parent = reader.word(dentry, Field::DentryParent).ok()?;
        if parent == dentry {
            return Some(chain);
        }
        chain.push(parent);
        dentry = parent;
    }
    None
}

/// The root directory of a process.
fn root_of(reader: &Reader<'_>, task: u64) -> Option<Root> {
    let fs = reader.word(task, Field::TaskFs).ok()?;
    let visible = reader.word(fs, Field::FsRootMnt).ok()?;
    let inside = reader.offset(Field::MountSb).ok()? - reader.offset(Field::VfsmountSb).ok()?;
    Some(Root {
        mount: visible.wrapping_sub(inside),
        dentry: reader.word(fs, Field::FsRootDentry).ok()?,
    })
}
