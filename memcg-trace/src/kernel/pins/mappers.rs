//! Processes that map something: from the tree of a file's or an `anon_vma`'s mappings to their
//! address spaces, and from those to their owners. No lock is taken, least of all `mmap_lock`,
//! behind which a sick host may be stuck.

use std::collections::HashSet;

use super::Found;
use super::ledger::{Visited, Zombie, set_users};
use crate::kernel::layout::fields::Field;
use crate::kernel::memory::Unreadable;
use crate::kernel::reader::{Reader, is_kernel_address};
use crate::kernel::tasks;
use crate::sample::pins::{Object, ObjectKind, PinKind, User, UserKind};

/// Mappings of one object that are looked at.
const MOST: usize = 1024;
/// Address spaces on the list of one memcg.
const MOST_MMS: usize = 10_000;

/// Who maps a file.
pub(super) fn of_mapping(reader: &Reader<'_>, mapping: u64) -> Result<Vec<User>, Unreadable> {
    let root = reader.word(mapping, Field::MappingMappings)?;
    let node = reader.offset(Field::VmaInTree)?;
    let vmas = tree(reader, root)?;
    let vmas: Vec<_> = vmas.into_iter().map(|at| at.wrapping_sub(node)).collect();
    owners(reader, &vmas)
}

/// Who maps the anonymous pages of an `anon_vma`.
pub(super) fn of_anon_vma(reader: &Reader<'_>, anon_vma: u64) -> Result<Vec<User>, Unreadable> {
    let root = reader.word(anon_vma, Field::AnonVmaTree)?;
    let node = reader.offset(Field::ChainInTree)?;
    let chains = tree(reader, root)?;
    let chains: Vec<_> = chains.into_iter().map(|at| at.wrapping_sub(node)).collect();
    let vmas = reader.column(&chains, Field::ChainVma)?;
    let vmas: Vec<_> = vmas.into_iter().flatten().collect();
    owners(reader, &vmas)
}

/// All nodes of a red-black tree, at most [`MOST`].
fn tree(reader: &Reader<'_>, root: u64) -> Result<Vec<u64>, Unreadable> {
    let mut open = vec![root];
    let mut found = Vec::new();
    while let Some(node) = open.pop() {
        if !is_kernel_address(node) || found.len() >= MOST {
            continue;
        }
        found.push(node);
        open.push(reader.word(node, Field::RbRight)?);
        open.push(reader.word(node, Field::RbLeft)?);
    }
    Ok(found)
}

fn owners(reader: &Reader<'_>, vmas: &[u64]) -> Result<Vec<User>, Unreadable> {
    let mms = reader.column(vmas, Field::VmaMm)?;
    let mms: HashSet<u64> = mms.into_iter().flatten().collect();
    let mms: Vec<_> = mms.into_iter().collect();
    let owners = reader.column(&mms, Field::MmOwner)?;
    let owners = owners.into_iter().flatten().filter(|owner| *owner != 0);
    Ok(owners
        .filter_map(|owner| tasks::user(reader, owner, UserKind::Mapped))
        .collect())
}

/// Address spaces that MGLRU has on a zombie's list: one reference each
/// (mm/vmscan.c: lru_gen_add_mm()).
pub(super) fn count_walked(
    reader: &Reader<'_>,
    zombie: &mut Zombie,
    visited: &mut Visited,
) -> Found {
    // Kernels without MGLRU hold none.
    let Ok(list) = reader.offset(Field::MemcgMmList) else {
        return Ok(());
    };
    let (mms, all) = reader.list(zombie.css + list, Field::MmLruGenList, MOST_MMS)?;
    visited.objects += mms.len() as u64;
    let memcgs = reader.column(&mms, Field::MmLruGenMemcg)?;
    for (mm, memcg) in mms.into_iter().zip(memcgs) {
        if memcg != Some(zombie.css) {
            continue;
        }
        let mut object = Object {
            kind: ObjectKind::Mm,
            refs: 1,
            ..Object::default()
        };
        let owner = reader.word(mm, Field::MmOwner)?;
        let user = (owner != 0)
            .then(|| tasks::user(reader, owner, UserKind::Mapped))
            .flatten();
        set_users(&mut object, user.into_iter().collect());
        zombie.add(PinKind::LruGenMm, object);
    }
    if !all {
        zombie.truncate(PinKind::LruGenMm);
    }
    Ok(())
}
