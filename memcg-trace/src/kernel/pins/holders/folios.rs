//! Holders of folios that belong to no file, each with a count of its own.

use crate::kernel::host::symbols::Symbol;
use std::collections::{BTreeMap, HashSet};

use super::accounts::{Holders, Root};
use super::thing::{Anon, Kind, Merged, Thing};
use crate::kernel::debugger::folio::DESCRIPTOR_BYTES;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::pins::folios::{ANON, Group, MERGED};
use crate::sample::pins::User;

/// Flags in the low bits of `page.mapping`.
const MAPPING_FLAGS: u64 = 3;
/// `GUP_PIN_COUNTING_BIAS` (include/linux/mm.h).
const PINNED: u64 = 1 << 10;

impl Holders {
    /// Adds a holder, with a number of references to each of some folios.
    pub(in crate::kernel::pins) fn add_all(&mut self, folios: &[(Thing, u64)], user: &User) {
        let mut of_roots: BTreeMap<Thing, u64> = BTreeMap::new();
        for (folio, refs) in folios {
            if let Some(root) = self.part_of.get(folio) {
                *of_roots.entry(*root).or_default() += refs;
            }
            // If several users share one reference, the first has it.
            if user.refs != Some(0) {
                self.found(*folio, *refs);
            }
        }
        for (root, refs) in of_roots {
            if let Some(root) = self.roots.get_mut(&root) {
                root.users.push(User {
                    refs: user.refs.or(Some(refs)),
                    ..user.clone()
                });
            }
        }
    }

    /// The folio that contains the page with this number.
    pub(in crate::kernel::pins) fn folio(&self, pfn: u64) -> Option<Thing> {
        let (first, (pages, folio)) = self.folios.range(..=pfn).next_back()?;
        (pfn - first < *pages).then_some(*folio)
    }

    /// As `folio()`, with the number of references that a pin of one of its pages counts: small
    /// folios have no other place to count pins.
    pub(in crate::kernel::pins) fn pinned_folio(&self, pfn: u64) -> Option<(Thing, u64)> {
        let (first, (pages, folio)) = self.folios.range(..=pfn).next_back()?;
        let refs = if *pages == 1 { PINNED } else { 1 };
        (pfn - first < *pages).then_some((*folio, refs))
    }

    /// Registers folios that belong to no file, to find their holders, and adds the references that
    /// the kernel itself has.
    pub(in crate::kernel::pins) fn want_folios(
        &mut self,
        reader: &Reader<'_>,
        group: &Group,
        in_batches: &HashSet<u64>,
    ) -> Option<Thing> {
        let first_page = reader
            .word_at(reader.symbol(Symbol::VmemmapBase).ok()?)
            .ok()?;
        let marks = &reader.resolved.pages;
        let first = group.folios.first()?;
        let root = Kind::Folio.at(first.page);
        let mut of_root = Root {
            // Beyond a bound the folios are not looked at one by one.
            unread: group.folios.len() as u64 != group.refs,
            ..Root::default()
        };
        let (mut from, mut to) = (u64::MAX, 0);
        for folio in &group.folios {
            let thing = Kind::Folio.at(folio.page);
            let pfn = folio.page.wrapping_sub(first_page) / DESCRIPTOR_BYTES as u64;
            self.folios.insert(pfn, (folio.pages, thing));
            self.part_of.insert(thing, root);
            of_root.parts.push(thing);
            let is_cached = folio.swapbacked && folio.flags & marks.swapcache != 0;
            let is_in_batch = folio.flags & marks.lru == 0 && in_batches.contains(&folio.page);
            let account = self.accounts.entry(thing).or_default();
            account.refs = Some(folio.refs);
            account.found = if is_cached { folio.pages } else { 0 } + u64::from(is_in_batch);
            if folio.mapping & MAPPING_FLAGS == MERGED {
                self.merged.push(Merged {
                    node: folio.mapping & !MAPPING_FLAGS,
                    folio: thing,
                });
            }
            from = from.min(folio.index);
            to = to.max(folio.index.saturating_add(folio.pages - 1));
        }
        self.roots.insert(root, of_root);
        if first.mapping & MAPPING_FLAGS == ANON {
            self.anon.push(Anon {
                anon_vma: first.mapping & !MAPPING_FLAGS,
                first: from,
                last: to,
            });
        }
        Some(root)
    }

    /// The merged ones of the folios whose holders are wanted.
    pub(in crate::kernel::pins) fn merged(&self) -> Vec<Merged> {
        self.merged.clone()
    }

    /// The `anon_vma`s of the folios whose holders are wanted.
    pub(in crate::kernel::pins) fn anon(&self) -> Vec<Anon> {
        self.anon.clone()
    }
}
