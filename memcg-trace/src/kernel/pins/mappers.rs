//! Processes that map a file or an `anon_vma`: from its tree of mappings to the address spaces, and
//! from those to their owners. No lock is taken, least of all `mmap_lock`, behind which a sick host
//! may be stuck.

use super::ledger::{Visited, Zombie};
use super::users::set_users;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address};
use crate::kernel::debugger::tasks;
use crate::kernel::layout::fields::Field;
use crate::sample::pins::{Object, ObjectKind, PinKind, UserKind};

/// Bound on the mappings of one object.
const MAX_MAPPINGS: usize = 65_536;
/// Bound on the address spaces on the list of one memcg.
const MAX_MMS: usize = 10_000;

/// A mapping: the pages of the object, and the address space that maps them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vma {
    pub(super) file: u64,
    pub(super) mm: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    /// Index of the object's page that is at `start`.
    pub(super) first_page: u64,
}

/// All mappings of a file.
pub(super) fn of_mapping(reader: &Reader<'_>, mapping: u64) -> Result<Vec<Vma>, Unreadable> {
    let root = reader.word(mapping, Field::MappingMappings)?;
    let node = reader.offset(Field::VmaInTree)?;
    let vmas = tree(reader, root)?;
    let vmas: Vec<_> = vmas.into_iter().map(|at| at.wrapping_sub(node)).collect();
    read(reader, &vmas)
}

/// All mappings that may map anonymous pages of an `anon_vma`.
pub(super) fn of_anon_vma(reader: &Reader<'_>, anon_vma: u64) -> Result<Vec<Vma>, Unreadable> {
    let root = reader.word(anon_vma, Field::AnonVmaTree)?;
    let node = reader.offset(Field::ChainInTree)?;
    let chains = tree(reader, root)?;
    let chains: Vec<_> = chains.into_iter().map(|at| at.wrapping_sub(node)).collect();
    let vmas = reader.column(&chains, Field::ChainVma)?;
    let vmas: Vec<_> = vmas.into_iter().flatten().collect();
    read(reader, &vmas)
}

/// All nodes of a red-black tree, level by level.
fn tree(reader: &Reader<'_>, root: u64) -> Result<Vec<u64>, Unreadable> {
    let mut level = vec![root];
    let mut found = Vec::new();
    loop {
        level.retain(|node| is_kernel_address(*node));
        if level.is_empty() {
            return Ok(found);
        }
        found.extend_from_slice(&level);
        if found.len() > MAX_MAPPINGS {
            return Err(Unreadable::Failed(format!(
                "more than {MAX_MAPPINGS} mappings"
            )));
        }
        let left = reader.column(&level, Field::RbLeft)?;
        let right = reader.column(&level, Field::RbRight)?;
        level = left.into_iter().chain(right).flatten().collect();
    }
}

fn read(reader: &Reader<'_>, vmas: &[u64]) -> Result<Vec<Vma>, Unreadable> {
    let column = |field| reader.column(vmas, field);
    let (files, mms) = (column(Field::VmaFile)?, column(Field::VmaMm)?);
    let (starts, ends) = (column(Field::VmaStart)?, column(Field::VmaEnd)?);
    let pages = column(Field::VmaPgoff)?;
    let vmas = (0..vmas.len()).filter_map(|at| {
        Some(Vma {
            file: files[at]?,
            mm: mms[at]?,
            start: starts[at]?,
            end: ends[at]?,
            first_page: pages[at]?,
        })
    });
    Ok(vmas.collect())
}

/// Counts the address spaces that MGLRU has on a zombie's list: one reference each (mm/vmscan.c:
/// lru_gen_add_mm()).
pub(super) fn count_walked(
    reader: &Reader<'_>,
    zombie: &mut Zombie,
    visited: &mut Visited,
) -> Result<(), Unreadable> {
    // A kernel without MGLRU has none of these.
    let fields = [
        Field::MemcgMmList,
        Field::MmLruGenList,
        Field::MmLruGenMemcg,
    ];
    if !fields.iter().any(|field| reader.has(*field)) {
        return Ok(());
    }
    let list = reader.offset(Field::MemcgMmList)?;
    let (mms, all) = reader.list(zombie.css + list, Field::MmLruGenList, MAX_MMS)?;
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
