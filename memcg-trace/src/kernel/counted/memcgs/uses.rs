//! Users of cgroups without tasks: somebody may watch such a cgroup, have it open or have mounted it.
//!
//! A manager that waits for a cgroup to become empty has a mark on its `cgroup.events`, and a mark
//! keeps the inode of the file. The list of a superblock has all inodes that exist, so a file that
//! is not in it is neither watched nor open.

use std::collections::{HashMap, HashSet};

use crate::kernel::debugger::css;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::paths::DEPTH;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::superblocks;
use crate::kernel::layout::fields::Field;
use crate::sample::uses::{CgroupUse, CgroupUses};

/// Most inodes of cgroups, and most children of a directory, that are looked at.
const MAX_INODES: usize = 1 << 20;
/// Most reads of a list that changes meanwhile.
const ATTEMPTS: u32 = 3;
/// The type of an inode in its mode, and that of a directory (include/uapi/linux/stat.h).
const S_IFMT: u64 = 0o170_000;
const S_IFDIR: u64 = 0o040_000;

/// A live memory cgroup.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alive {
    pub(crate) serial_nr: u64,
    /// Address of its css.
    pub(crate) css: u64,
}

/// Finds who uses the live memory cgroups of the host. `unix_s` is the time, in seconds since 1970,
/// and `up_ns` that since the start of the host.
pub(crate) fn find(reader: &Reader<'_>, alive: &[Alive], unix_s: i64, up_ns: u64) -> CgroupUses {
    let mut uses = CgroupUses::default();
    if let Err(why) = fill(reader, alive, (unix_s, up_ns), &mut uses) {
        uses.not_checked.push(why.to_string());
    }
    uses
}

/// An inode of a cgroup's directory or of a file in one.
struct Inode {
    /// Its kernfs node, and the node of its directory.
    node: u64,
    parent: u64,
    is_directory: bool,
    is_watched: bool,
    is_open: bool,
    changed_s: Option<i64>,
}

fn fill(
    reader: &Reader<'_>,
    alive: &[Alive],
    (unix_s, up_ns): (i64, u64),
    uses: &mut CgroupUses,
) -> Result<(), Unreadable> {
    let csses: Vec<_> = alive.iter().map(|one| one.css).collect();
    let cgroups = zeros(reader.column(&csses, Field::CssCgroup)?);
    let nodes = zeros(reader.column(&cgroups, Field::CgroupKn)?);
    let serials = reader.column(&csses, Field::CssSerialNr)?;
    let live_below = reader.column(&cgroups, Field::CgroupNrDescendants);
    let live_below = live_below.unwrap_or_else(|_| vec![None; cgroups.len()]);
    let own = reader.offset(Field::CgroupSelf)?;
    let own: Vec<_> = cgroups.iter().map(|cgroup| cgroup + own).collect();
    let own = zeros(reader.column(&own, Field::CssSerialNr)?);
    let mut of_node = HashMap::new();
    // The serial number of each cgroup itself: the order in which their directories were made.
    let mut made = Vec::new();
    for (at, one) in alive.iter().enumerate() {
        if nodes[at] != 0 && serials[at] == Some(one.serial_nr) {
            of_node.insert(nodes[at], uses.cgroups.len());
            made.push(own[at]);
            uses.cgroups.push(CgroupUse {
                serial_nr: one.serial_nr,
                live_below: live_below[at],
                ..CgroupUse::default()
            });
        }
    }
    if !css::is_unified(reader)? {
        return Err(Unreadable::Failed(
            "the memory controller is in a hierarchy of version 1, whose cgroups no manager has to \
             watch"
                .to_owned(),
        ));
    }
    let superblocks = of_cgroups(reader)?;
    if superblocks.is_empty() {
        return Err(Unreadable::Failed(
            "the cgroup file system was not found".to_owned(),
        ));
    }
    for superblock in superblocks {
        if is_watched_whole(reader, superblock)? {
            return Err(Unreadable::Failed(
                "all of the cgroup file system is watched by fanotify".to_owned(),
            ));
        }
        let inodes = inodes(reader, superblock)?;
        uses.visited += inodes.len() as u64;
        for inode in &inodes {
            let its = if inode.is_directory {
                inode.node
            } else {
                inode.parent
            };
            if let (Some(at), Some(changed_s)) = (of_node.get(&its), inode.changed_s) {
                // The parts of a second are left out on both sides.
                let age_s = unix_s.saturating_sub(changed_s).saturating_sub(1);
                let age_s = u64::try_from(age_s).unwrap_or(0);
                // The host's clock may have been set; a cgroup is not older than the host's start.
                let age_ns = age_s.saturating_mul(1_000_000_000).min(up_ns);
                let known = &mut uses.cgroups[*at].least_age_ns;
                *known = (*known).max(Some(age_ns));
            }
        }
        let parents: HashMap<u64, u64> = inodes
            .iter()
            .map(|inode| (inode.node, inode.parent))
            .collect();
        for inode in inodes.iter().filter(|one| one.is_watched || one.is_open) {
            for node in above(reader, inode, &parents)? {
                if let Some(at) = of_node.get(&node) {
                    uses.cgroups[*at].is_watched |= inode.is_watched;
                    uses.cgroups[*at].is_open |= inode.is_open;
                }
            }
        }
    }
    as_old_as_younger_ones(&made, &mut uses.cgroups);
    Ok(())
}

/// A cgroup is older than all that were made after it.
fn as_old_as_younger_ones(made: &[u64], cgroups: &mut [CgroupUse]) {
    let mut order: Vec<usize> = (0..cgroups.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(made[*at]));
    let mut least_age_ns = None;
    for at in order {
        least_age_ns = least_age_ns.max(cgroups[at].least_age_ns);
        cgroups[at].least_age_ns = least_age_ns;
    }
}

/// The node of an inode and those of the directories that it is in, up to the root.
fn above(
    reader: &Reader<'_>,
    inode: &Inode,
    parents: &HashMap<u64, u64>,
) -> Result<Vec<u64>, Unreadable> {
    let mut nodes = vec![inode.node];
    let mut node = inode.parent;
    while node != 0 && nodes.len() <= DEPTH {
        nodes.push(node);
        node = match parents.get(&node) {
            Some(parent) => *parent,
            None => reader.word(node, Field::KernfsParent)?,
        };
    }
    Ok(nodes)
}

/// The superblocks of the unified hierarchy.
fn of_cgroups(reader: &Reader<'_>) -> Result<Vec<u64>, Unreadable> {
    let mut found = Vec::new();
    for superblock in superblocks::all(reader)? {
        let (name, _) = superblocks::describe(reader, superblock)?;
        if name.as_bytes() == b"cgroup2" {
            found.push(superblock);
        }
    }
    Ok(found)
}

/// Returns whether a mark is on the whole file system: on the superblock itself, or since 6.10 on what that
/// points to.
fn is_watched_whole(reader: &Reader<'_>, superblock: u64) -> Result<bool, Unreadable> {
    if reader.has(Field::SbMarks) {
        return Ok(reader.word(superblock, Field::SbMarks)? != 0);
    }
    let info = reader.word(superblock, Field::SbNotifyInfo)?;
    Ok(info != 0 && reader.word(info, Field::NotifyInfoMarks)? != 0)
}

/// Addresses of all inodes of a superblock. New ones come first, so that the last one is always the
/// same: a way that ends elsewhere went astray, and is tried again.
fn addresses(reader: &Reader<'_>, superblock: u64) -> Result<Vec<u64>, Unreadable> {
    let head = superblock + reader.offset(Field::SbInodes)?;
    let in_list = reader.offset(Field::InodeSbList)?;
    let mut outcome = Err(Unreadable::Changed("the list of inodes"));
    for _ in 0..ATTEMPTS {
        match reader.list(head, Field::InodeSbList, MAX_INODES) {
            Ok((_, false)) => {
                outcome = Err(Unreadable::Failed(format!(
                    "the search for marks stopped after {MAX_INODES} inodes"
                )));
            }
            Ok((inodes, true)) => {
                let last = inodes.last().map_or(head, |inode| inode + in_list);
                if reader.word_at(head + 8)? == last {
                    return Ok(inodes);
                }
            }
            Err(why) => outcome = Err(why),
        }
    }
    outcome
}

/// All inodes of a superblock. Each has one name.
fn inodes(reader: &Reader<'_>, superblock: u64) -> Result<Vec<Inode>, Unreadable> {
    let addresses = addresses(reader, superblock)?;
    let nodes = zeros(reader.column(&addresses, Field::InodePrivate)?);
    let parents = zeros(reader.column(&nodes, Field::KernfsParent)?);
    let modes = zeros(reader.column(&addresses, Field::InodeMode)?);
    let marks = reader.column(&addresses, Field::InodeMarks)?;
    let changed = reader.column(&addresses, Field::InodeCtime)?;
    let alias = reader.offset(Field::DentryAlias)?;
    let names = zeros(reader.column(&addresses, Field::InodeAliases)?).into_iter();
    let dentries: Vec<u64> = names
        .map(|name| {
            if name == 0 {
                0
            } else {
                name.wrapping_sub(alias)
            }
        })
        .collect();
    let counts = reader.column(&dentries, Field::DentryCount)?;
    let above = zeros(reader.column(&dentries, Field::DentryParent)?);
    let mut children: HashMap<u64, u64> = HashMap::new();
    for parent in &above {
        *children.entry(*parent).or_default() += 1;
    }
    let mut found = Vec::with_capacity(addresses.len());
    for at in 0..addresses.len() {
        let is_directory = modes[at] & S_IFMT == S_IFDIR;
        let dentry = dentries[at];
        found.push(Inode {
            node: nodes[at],
            parent: parents[at],
            is_directory,
            // What cannot be read may be a mark, or a reference.
            is_watched: marks[at] != Some(0),
            is_open: dentry != 0 && counts[at].is_none_or(is_positive),
            changed_s: changed[at].map(u64::cast_signed),
        });
        let inode = found.last_mut();
        if let (Some(inode), true, Some(count)) = (inode, is_directory, counts[at]) {
            let known = children.get(&dentry).copied().unwrap_or(0);
            inode.is_open = match has_more(reader, dentry, count, known) {
                Ok(has_more) => dentry != 0 && has_more,
                Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => true,
                Err(why) => return Err(why),
            };
        }
    }
    leave_out_root(&mut found);
    Ok(found)
}

/// Returns whether a directory has more references than children: each child has one.
fn has_more(reader: &Reader<'_>, dentry: u64, count: u64, known: u64) -> Result<bool, Unreadable> {
    if !is_positive(count) || count <= known {
        return Ok(false);
    }
    // Others are names of files that are not there, which the kernel remembers.
    Ok(count > children(reader, dentry)?)
}

/// The number of names below a directory that the kernel remembers.
fn children(reader: &Reader<'_>, dentry: u64) -> Result<u64, Unreadable> {
    let (head, end) = if reader.has(Field::DentryChildren) {
        // Since 6.8 the list has a first entry, and ends at 0.
        (dentry + reader.offset(Field::DentryChildren)?, 0)
    } else {
        let head = dentry + reader.offset(Field::DentrySubdirs)?;
        (head, head)
    };
    let first = reader.word_at(head)?;
    let mut count = 0;
    reader.memory.chain(first, end, 0, |entries| {
        count += entries.len() as u64;
        match count < MAX_INODES as u64 {
            true => std::ops::ControlFlow::Continue(()),
            false => std::ops::ControlFlow::Break(()),
        }
    })?;
    Ok(count)
}

/// Returns whether a count is above zero: a dentry that is being freed has a count below.
fn is_positive(count: u64) -> bool {
    let count = u32::try_from(count & 0xffff_ffff).unwrap_or(0);
    count.cast_signed() > 0
}

/// The root is always mounted, and says nothing of the cgroups below it.
fn leave_out_root(inodes: &mut Vec<Inode>) {
    let roots: HashSet<u64> = { inodes.iter() }
        .filter(|inode| inode.parent == 0)
        .map(|inode| inode.node)
        .collect();
    inodes.retain(|inode| !roots.contains(&inode.node));
}

fn zeros(column: Vec<Option<u64>>) -> Vec<u64> {
    column.into_iter().map(Option::unwrap_or_default).collect()
}
