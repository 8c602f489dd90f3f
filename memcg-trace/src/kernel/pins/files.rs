//! What the pages of a zombie belong to: files and shared memory, by inode, and private memory.

use std::collections::{HashMap, HashSet};

use super::folios::Group;
use super::ledger::{Ledger, set_users};
use super::mappers;
use crate::kernel::layout::fields::Field;
use crate::kernel::memory::Unreadable;
use crate::kernel::open_files::users_of_inodes;
use crate::kernel::paths;
use crate::kernel::reader::Reader;
use crate::kernel::superblocks;
use crate::kernel::tasks::{Tasks, Users};
use crate::sample::Text;
use crate::sample::pins::{Object, ObjectKind, PinKind};

/// Files of one zombie that are described; the rest is counted.
const DESCRIBED: usize = 64;
/// What the low bits of `page.mapping` say (include/linux/page-flags.h: PAGE_MAPPING_ANON).
const ANON: u64 = 1;
const FLAGS: u64 = 3;

/// Adds the pages of all zombies to the ledger, with whom they belong to.
pub(super) fn describe(reader: &Reader<'_>, tasks: &Tasks, ledger: &mut Ledger) {
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
    let distinct: HashSet<u64> = inodes.values().copied().collect();
    let open = if distinct.is_empty() {
        Ok(Users::new())
    } else {
        users_of_inodes(reader, tasks, &distinct)
    };
    let open = open.unwrap_or_else(|why| {
        ledger.note_all(&[PinKind::PageFile, PinKind::PageShmem], &why);
        Users::new()
    });
    for zombie in &mut ledger.zombies {
        let folios = std::mem::take(&mut zombie.folios);
        let mut groups: Vec<_> = folios.by_mapping.into_iter().collect();
        groups.sort_by_key(|(mapping, group)| (std::cmp::Reverse(group.refs), *mapping));
        for (at, (mapping, group)) in groups.into_iter().enumerate() {
            let inode = inodes.get(&mapping).copied().unwrap_or(0);
            let in_detail = at < DESCRIBED;
            let (kind, mut object, mut users) = if mapping & ANON != 0 {
                let (object, users) = private(reader, mapping, in_detail);
                (PinKind::PageAnon, object, users)
            } else {
                let (kind, object) = file(reader, inode, group, in_detail);
                let users = mappers::of_mapping(reader, mapping).unwrap_or_default();
                (kind, object, users)
            };
            users.extend(open.get(&inode).into_iter().flatten().cloned());
            set_users(&mut object, users);
            object.refs = group.refs;
            object.pages = Some(group.pages);
            zombie.add(kind, object);
        }
        if folios.truncated_at.is_some() {
            zombie.truncate(PinKind::PageFile);
        }
    }
}

fn private(
    reader: &Reader<'_>,
    mapping: u64,
    in_detail: bool,
) -> (Object, Vec<crate::sample::pins::User>) {
    let object = Object {
        kind: ObjectKind::PrivateAnon,
        ..Object::default()
    };
    // Pages that KSM merged belong to nobody in particular.
    let users = if in_detail && mapping & FLAGS == ANON {
        mappers::of_anon_vma(reader, mapping & !FLAGS).unwrap_or_default()
    } else {
        Vec::new()
    };
    (object, users)
}

fn file(reader: &Reader<'_>, inode: u64, group: Group, in_detail: bool) -> (PinKind, Object) {
    let mut object = Object {
        kind: ObjectKind::Unknown,
        ..Object::default()
    };
    if in_detail && inode != 0 && fill(reader, inode, &mut object).is_err() {
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

/// Says which file an inode is.
pub(super) fn fill(reader: &Reader<'_>, inode: u64, object: &mut Object) -> Result<(), Unreadable> {
    let superblock = reader.word(inode, Field::InodeSb)?;
    let (fs, dev) = superblocks::describe(reader, superblock)?;
    object.fs = Some(fs);
    object.dev = Some(Text::from(&*dev));
    object.ino = Some(reader.word(inode, Field::InodeIno)?);
    object.path = paths::of_inode(reader, inode, superblock);
    let is_deleted = reader.word(inode, Field::InodeNlink)? == 0;
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
