//! Owners of a zombie's pages: files and shared memory, by inode, and private memory.

use std::collections::HashMap;

use super::file_object;
use super::folios::{ANON, Group};
use super::holders::{Holders, Kind};
use super::ledger::Ledger;
use super::segments;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::visible_paths::VisiblePaths;
use crate::kernel::layout::fields::Field;
use crate::sample::pins::{Object, ObjectKind, PinKind};

/// Files of one zombie that are described; the others are counted.
const DESCRIBED: usize = 64;
/// Flags in the low bits of `page.mapping`.
const FLAGS: u64 = 3;

/// Adds the pages of all zombies to the ledger, with the object that each belongs to.
pub(super) fn describe(
    reader: &Reader<'_>,
    paths: &mut VisiblePaths,
    segments: segments::Owners<'_>,
    ledger: &mut Ledger,
    holders: &mut Holders,
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
            let (kind, mut object) = if mapping & ANON == 0 {
                file(reader, paths, inode, &group, in_detail)
            } else {
                (PinKind::PageAnon, private())
            };
            let kind = if group.huge {
                PinKind::PageHugetlb
            } else {
                kind
            };
            object.refs = group.refs;
            object.pages = Some(group.pages);
            object.unevictable_refs = Some(group.unevictable);
            if object.kind == ObjectKind::SysvShm {
                segments.describe(reader, inode, &mut object);
            }
            let thing = if inode == 0 {
                holders.want_folios(reader, &group, &ledger.in_batches)
            } else {
                Some(Kind::Inode.at(inode))
            };
            match thing.filter(|_| in_detail) {
                Some(thing) => zombie.add_held(kind, object, thing),
                None => zombie.add(kind, object),
            }
        }
        if folios.truncated_at.is_some() {
            zombie.truncate(PinKind::PageFile);
        }
    }
}

fn private() -> Object {
    Object {
        kind: ObjectKind::PrivateAnon,
        ..Object::default()
    }
}

fn file(
    reader: &Reader<'_>,
    paths: &mut VisiblePaths,
    inode: u64,
    group: &Group,
    in_detail: bool,
) -> (PinKind, Object) {
    let mut object = Object {
        kind: ObjectKind::Unknown,
        ..Object::default()
    };
    if in_detail && inode != 0 && file_object::fill(reader, paths, inode, &mut object).is_err() {
        object.kind = ObjectKind::Unknown;
    }
    let kind = match object.kind {
        ObjectKind::SharedAnon => PinKind::PageAnonShared,
        // Only memory without storage behind it can be swapped out.
        _ if group.swapbacked => PinKind::PageShmem,
        _ => PinKind::PageFile,
    };
    (kind, object)
}
