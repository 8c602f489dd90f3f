//! What the pages of a zombie belong to: files and shared memory, by inode, and private memory.

use std::collections::{HashMap, HashSet};

use super::folios::Group;
use super::holders::Kind;
use super::ledger::{Ledger, set_users};
use super::{mappers, segments};
use crate::kernel::block_devices;
use crate::kernel::layout::fields::Field;
use crate::kernel::memory::Unreadable;
use crate::kernel::reader::Reader;
use crate::kernel::superblocks;
use crate::kernel::visible_paths::VisiblePaths;
use crate::sample::Text;
use crate::sample::pins::{Object, ObjectKind, PinKind};

/// Files of one zombie that are described; the rest is counted.
const DESCRIBED: usize = 64;
/// What the low bits of `page.mapping` say (include/linux/page-flags.h: PAGE_MAPPING_ANON).
const ANON: u64 = 1;
const FLAGS: u64 = 3;

/// Adds the pages of all zombies to the ledger, with whom they belong to.
pub(super) fn describe(
    reader: &Reader<'_>,
    paths: &mut VisiblePaths,
    segments: &segments::Owners<'_>,
    ledger: &mut Ledger,
) {
    let mut inodes = HashMap::new();
    for zombie in &ledger.zombies {
        for mapping in zombie.folios.by_mapping.keys() {
            if mapping & FLAGS == 0
                && let Ok(inode) = reader.word(*mapping, Field::MappingHost)
            {
                inodes.insert(*mapping, inode);
            }
        }
    }
    for zombie in &mut ledger.zombies {
        let folios = std::mem::take(&mut zombie.folios);
        let mut groups: Vec<_> = folios.by_mapping.into_iter().collect();
        groups.sort_by_key(|(mapping, group)| (std::cmp::Reverse(group.refs), *mapping));
        for (at, (mapping, group)) in groups.into_iter().enumerate() {
            let inode = inodes.get(&mapping).copied().unwrap_or(0);
            let in_detail = at < DESCRIBED;
            let is_private = mapping & ANON != 0;
            let (kind, mut object) = match is_private {
                true => (PinKind::PageAnon, private(reader, mapping, in_detail)),
                false => file(reader, paths, inode, group, in_detail),
            };
            object.refs = group.refs;
            object.pages = Some(group.pages);
            object.unevictable_refs = Some(group.unevictable);
            if object.kind == ObjectKind::SysvShm {
                segments.describe(reader, inode, &mut object);
            }
            if !is_private && in_detail && inode != 0 {
                zombie.add_held(kind, object, Kind::Inode.at(inode));
            } else {
                zombie.add(kind, object);
            }
        }
        if folios.truncated_at.is_some() {
            zombie.truncate(PinKind::PageFile);
        }
    }
}

fn private(reader: &Reader<'_>, mapping: u64, in_detail: bool) -> Object {
    let mut object = Object {
        kind: ObjectKind::PrivateAnon,
        ..Object::default()
    };
    // Pages that KSM merged belong to nobody in particular.
    if in_detail && mapping & FLAGS == ANON {
        let vmas = mappers::of_anon_vma(reader, mapping & !FLAGS).unwrap_or_default();
        let mms: HashSet<u64> = vmas.into_iter().map(|vma| vma.mm).collect();
        let users = mms.into_iter().filter_map(|mm| mappers::owner(reader, mm));
        set_users(&mut object, users.collect());
    }
    object
}

fn file(
    reader: &Reader<'_>,
    paths: &mut VisiblePaths,
    inode: u64,
    group: Group,
    in_detail: bool,
) -> (PinKind, Object) {
    let mut object = Object {
        kind: ObjectKind::Unknown,
        ..Object::default()
    };
    if in_detail && inode != 0 && fill(reader, paths, inode, &mut object).is_err() {
        object.kind = ObjectKind::Unknown;
    }
    let kind = match object.kind {
        ObjectKind::SharedAnon => PinKind::PageAnonShared,
        // Only memory without storage behind it goes to swap.
        _ if group.swapbacked => PinKind::PageShmem,
        _ => PinKind::PageFile,
    };
    (kind, object)
}

/// File systems whose names are in memory only (`kill_litter_super()` is what takes them away).
const IN_MEMORY: [&[u8]; 4] = [b"tmpfs", b"ramfs", b"hugetlbfs", b"devtmpfs"];

/// Whether a name of an inode has a reference of its own until it is removed.
pub(super) fn keeps_names(reader: &Reader<'_>, inode: u64) -> Result<bool, Unreadable> {
    let superblock = reader.word(inode, Field::InodeSb)?;
    let (fs, _) = superblocks::describe(reader, superblock)?;
    Ok(IN_MEMORY.contains(&fs.as_bytes()))
}

/// Says which file an inode is.
pub(super) fn fill(
    reader: &Reader<'_>,
    paths: &mut VisiblePaths,
    inode: u64,
    object: &mut Object,
) -> Result<(), Unreadable> {
    let superblock = reader.word(inode, Field::InodeSb)?;
    let (fs, dev) = superblocks::describe(reader, superblock)?;
    object.fs = Some(fs);
    object.ino = Some(reader.word(inode, Field::InodeIno)?);
    object.links = Some(reader.word(inode, Field::InodeNlink)?);
    if object
        .fs
        .as_ref()
        .is_some_and(|fs| fs.as_bytes() == b"bdev")
    {
        // The page cache of a device itself: the superblock's number is none of a device.
        let dev = superblocks::device(reader.word(inode, Field::InodeRdev)?);
        object.kind = ObjectKind::BlockDevice;
        object.dev_name = block_devices::name(&dev);
        object.dev = Some(Text::from(&*dev));
        object.path = object.dev_name.clone();
        return Ok(());
    }
    object.dev_name = block_devices::name(&dev);
    object.dev = Some(Text::from(&*dev));
    if let Some(found) = paths.of_inode(reader, inode, superblock) {
        object.path = Some(found.path);
        object.path_of_pid = found.of_pid;
    }
    let is_deleted = object.links == Some(0);
    let path = object.path.as_ref().map_or(&b""[..], Text::as_bytes);
    object.kind = if !is_deleted {
        ObjectKind::File
    } else if path.starts_with(b"memfd:") {
        ObjectKind::Memfd
    } else if path.starts_with(b"SYSV") {
        ObjectKind::SysvShm
    } else if path == b"dev/zero" {
        // Not a path: the kernel's name for memory that was shared without a file
        // (mm/shmem.c: shmem_zero_setup()).
        ObjectKind::SharedAnon
    } else {
        ObjectKind::DeletedFile
    };
    Ok(())
}
