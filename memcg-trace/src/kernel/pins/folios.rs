//! Folios summed up by what they belong to, and whose they are.
//!
//! A folio is charged to a memcg as one reference, however many pages it has.

use std::collections::HashMap;

use crate::kernel::folio::Folio;
use crate::kernel::layout::fields::Field;
use crate::kernel::layout::pages::DATA_FLAGS;
use crate::kernel::memory::Unreadable;
use crate::kernel::reader::Reader;

/// Folios, by what they belong to.
#[derive(Debug, Default)]
pub(super) struct Folios {
    /// By `page.mapping`, with its low bits.
    pub(super) by_mapping: HashMap<u64, Group>,
    /// Where a bound ended the count.
    pub(super) truncated_at: Option<u64>,
}

/// Folios of one file, or of one `anon_vma`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    pub(super) refs: u64,
    pub(super) pages: u64,
    pub(super) swapbacked: bool,
    /// References of folios that reclaim leaves where they are.
    pub(super) unevictable: u64,
}

impl Folios {
    pub(super) fn refs(&self) -> u64 {
        self.by_mapping.values().map(|group| group.refs).sum()
    }

    pub(super) fn add(&mut self, folio: Folio) {
        let group = self.by_mapping.entry(folio.mapping).or_default();
        group.refs += 1;
        group.pages += folio.pages;
        group.swapbacked |= folio.swapbacked;
        group.unevictable += u64::from(folio.unevictable);
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (mapping, group) in other.by_mapping {
            let ours = self.by_mapping.entry(mapping).or_default();
            ours.refs += group.refs;
            ours.pages += group.pages;
            ours.swapbacked |= group.swapbacked;
            ours.unevictable += group.unevictable;
        }
        self.truncated_at = self.truncated_at.or(other.truncated_at);
    }
}

/// Whose a page is, by its owner word.
#[derive(Debug, Default)]
pub(super) struct Owners {
    by_objcg: HashMap<u64, u64>,
}

impl Owners {
    /// The memcg that the owner word of a folio on a list means.
    pub(super) fn memcg(&mut self, reader: &Reader<'_>, data: u64) -> Result<u64, Unreadable> {
        let owner = data & !DATA_FLAGS;
        if !reader.resolved.pages.owner_is_objcg {
            return Ok(owner);
        }
        self.of_objcg(reader, owner)
    }

    /// The memcg that an object cgroup belongs to now.
    pub(super) fn of_objcg(&mut self, reader: &Reader<'_>, objcg: u64) -> Result<u64, Unreadable> {
        if let Some(memcg) = self.by_objcg.get(&objcg) {
            return Ok(*memcg);
        }
        let memcg = reader.word(objcg, Field::ObjcgMemcg)?;
        self.by_objcg.insert(objcg, memcg);
        Ok(memcg)
    }
}
