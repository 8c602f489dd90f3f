//! The memcg that a page is charged to.

use std::collections::HashMap;

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;
use crate::kernel::layout::pages::DATA_FLAGS;

/// Memcgs of pages, by the owner word.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    by_objcg: HashMap<u64, u64>,
}

impl Owners {
    /// The memcg that the owner word of a folio on a list stands for.
    pub(crate) fn memcg(&mut self, reader: &Reader<'_>, data: u64) -> Result<u64, Unreadable> {
        let owner = data & !DATA_FLAGS;
        if !reader.resolved.pages.owner_is_objcg {
            return Ok(owner);
        }
        self.of_objcg(reader, owner)
    }

    /// The memcg that an object cgroup belongs to now.
    pub(crate) fn of_objcg(&mut self, reader: &Reader<'_>, objcg: u64) -> Result<u64, Unreadable> {
        if let Some(memcg) = self.by_objcg.get(&objcg) {
            return Ok(*memcg);
        }
        let memcg = reader.word(objcg, Field::ObjcgMemcg)?;
        self.by_objcg.insert(objcg, memcg);
        Ok(memcg)
    }
}
