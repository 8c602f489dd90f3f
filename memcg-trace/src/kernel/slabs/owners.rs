//! Current memcgs of object cgroups, and whether a memcg inherited one from a dead child.
//!
//! A memcg charges to an object cgroup of its own (7.1 and later: one on each NUMA node). When it
//! goes offline its object cgroups go to the parent, with those that it inherited itself
//! (mm/memcontrol.c: memcg_reparent_objcgs()). So every other object cgroup of a memcg came from a
//! descendant.

use std::collections::HashMap;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address, words};
use crate::kernel::layout::fields::Field;

/// The memcg of an object cgroup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Owner {
    /// `css.serial_nr` of the memcg; `None` if it could not be read.
    pub(super) memcg: Option<u64>,
    /// The memcg inherited the object cgroup from a dead child.
    pub(super) inherited: bool,
}

/// Object cgroups and memcgs that were seen.
#[derive(Debug, Default)]
pub(super) struct Owners {
    by_objcg: HashMap<u64, Owner>,
    /// By the address of a memcg: its serial number, and its own object cgroups.
    memcgs: HashMap<u64, (Option<u64>, Vec<u64>)>,
}

impl Owners {
    pub(super) fn get(&self, objcg: u64) -> Owner {
        self.by_objcg.get(&objcg).copied().unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.by_objcg.len()
    }

    /// Looks up those of `objcgs` that are new.
    pub(super) fn read_new(
        &mut self,
        reader: &Reader<'_>,
        objcgs: impl Iterator<Item = u64>,
    ) -> Result<(), Unreadable> {
        let mut new: Vec<_> = objcgs
            .filter(|objcg| !self.by_objcg.contains_key(objcg))
            .collect();
        new.sort_unstable();
        new.dedup();
        let memcgs = reader.column(&new, Field::ObjcgMemcg)?;
        let mut strangers: Vec<_> = memcgs.iter().flatten().copied().collect();
        strangers.retain(|memcg| is_kernel_address(*memcg) && !self.memcgs.contains_key(memcg));
        strangers.sort_unstable();
        strangers.dedup();
        let serials = reader.column(&strangers, Field::CssSerialNr)?;
        for (memcg, serial_nr) in strangers.into_iter().zip(serials) {
            let own = own(reader, memcg)?;
            self.memcgs.insert(memcg, (serial_nr, own));
        }
        for (objcg, memcg) in new.into_iter().zip(memcgs) {
            let memcg = memcg.and_then(|memcg| self.memcgs.get(&memcg));
            let owner = memcg.map_or_else(Owner::default, |(serial_nr, own)| Owner {
                memcg: *serial_nr,
                inherited: !own.contains(&objcg),
            });
            self.by_objcg.insert(objcg, owner);
        }
        Ok(())
    }

    /// Heirs of the memcgs that went offline since their object cgroups were seen, by serial
    /// number. All object cgroups of a memcg go at once, to one heir.
    pub(super) fn moved(&mut self, reader: &Reader<'_>) -> Result<HashMap<u64, u64>, Unreadable> {
        let objcgs: Vec<_> = self.by_objcg.keys().copied().collect();
        let memcgs = reader.column(&objcgs, Field::ObjcgMemcg)?;
        let mut heirs: Vec<_> = memcgs.iter().flatten().copied().collect();
        heirs.retain(|memcg| is_kernel_address(*memcg));
        heirs.sort_unstable();
        heirs.dedup();
        let serials = reader.column(&heirs, Field::CssSerialNr)?;
        let serials: HashMap<_, _> = heirs.into_iter().zip(serials).collect();
        let mut moved = HashMap::new();
        for (objcg, memcg) in objcgs.into_iter().zip(memcgs) {
            let heir = memcg.and_then(|memcg| *serials.get(&memcg)?);
            let (Some(heir), Some(owner)) = (heir, self.by_objcg.get_mut(&objcg)) else {
                continue;
            };
            if let Some(before) = owner.memcg.filter(|before| *before != heir) {
                moved.insert(before, heir);
                *owner = Owner {
                    memcg: Some(heir),
                    inherited: true,
                };
            }
        }
        Ok(moved)
    }

    /// All object cgroups that were seen, with their memcgs.
    pub(super) fn all(&self) -> impl Iterator<Item = (u64, Owner)> {
        self.by_objcg.iter().map(|(objcg, owner)| (*objcg, *owner))
    }
}

/// The object cgroups that a memcg charges to; none if the memcg is offline, nor for the root on
/// kernels that do not charge its allocations.
fn own(reader: &Reader<'_>, memcg: u64) -> Result<Vec<u64>, Unreadable> {
    let found = if reader.has(Field::MemcgObjcg) {
        reader.column(&[memcg], Field::MemcgObjcg)?
    } else {
        let count = usize::try_from(reader.nodes()?).unwrap_or(1);
        let mut bytes = vec![0; count * 8];
        let nodeinfo = memcg + reader.offset(Field::MemcgNodeinfo)?;
        match reader.memory.read(nodeinfo, &mut bytes) {
            Ok(()) => reader.column(&words(&bytes), Field::NodeObjcg)?,
            Err(Unreadable::Fault(_)) => Vec::new(),
            Err(why) => return Err(why),
        }
    };
    Ok(found
        .into_iter()
        .flatten()
        .filter(|own| *own != 0)
        .collect())
}
