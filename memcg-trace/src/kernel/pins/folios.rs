//! Folios of a zombie, summed up by the object that they belong to.
//!
//! A folio is charged to a memcg as one reference, however many pages it has.

use std::collections::HashMap;

use crate::kernel::debugger::folio::Folio;

/// Folios, by the object that they belong to.
#[derive(Debug, Default)]
pub(super) struct Folios {
    /// By `page.mapping`, with its low bits; all merged folios are in one group.
    pub(super) by_mapping: HashMap<u64, Group>,
    /// The number of folios at which a bound ended the count.
    pub(super) truncated_at: Option<u64>,
}

/// Folios of one file, or of one `anon_vma`.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) refs: u64,
    pub(super) pages: u64,
    pub(super) swapbacked: bool,
    /// References of folios that reclaim cannot evict.
    pub(super) unevictable: u64,
    /// The folios are of hugetlbfs.
    pub(super) huge: bool,
    /// Folios that belong to no file, each with a count of its own; at most [`KEPT`].
    pub(super) folios: Vec<Folio>,
}

/// Folios of one `anon_vma` that are looked at one by one: 256 MiB of single pages.
pub(super) const KEPT: usize = 1 << 16;
/// Flag in the low bits of `page.mapping` (include/linux/page-flags.h: PAGE_MAPPING_ANON).
pub(super) const ANON: u64 = 1;
/// Flags of a merged page (PAGE_MAPPING_KSM); each has a `struct ksm_stable_node` of its own.
pub(super) const MERGED: u64 = 3;

impl Group {
    fn add(&mut self, folio: Folio) {
        self.refs += 1;
        self.pages += folio.pages;
        self.swapbacked |= folio.swapbacked;
        self.unevictable += u64::from(folio.unevictable);
        let has_no_file = folio.mapping == 0 || folio.mapping & ANON != 0;
        if has_no_file && self.folios.len() < KEPT {
            self.folios.push(folio);
        }
    }

    fn merge(&mut self, other: Self) {
        self.refs += other.refs;
        self.pages += other.pages;
        self.swapbacked |= other.swapbacked;
        self.unevictable += other.unevictable;
        self.huge |= other.huge;
        let room = KEPT - self.folios.len();
        self.folios.extend(other.folios.into_iter().take(room));
    }
}

impl Folios {
    pub(super) fn refs(&self) -> u64 {
        self.by_mapping.values().map(|group| group.refs).sum()
    }

    pub(super) fn add(&mut self, folio: Folio) {
        let mapping = match folio.mapping & MERGED {
            MERGED => MERGED,
            _ => folio.mapping,
        };
        self.by_mapping.entry(mapping).or_default().add(folio);
    }

    /// Adds a folio of hugetlbfs.
    pub(super) fn add_huge(&mut self, folio: Folio) {
        self.add(folio);
        self.by_mapping.entry(folio.mapping).or_default().huge = true;
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (mapping, group) in other.by_mapping {
            self.by_mapping.entry(mapping).or_default().merge(group);
        }
        self.truncated_at = self.truncated_at.or(other.truncated_at);
    }
}
