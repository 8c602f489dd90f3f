//! Pages that were merged (mm/ksm.c): they belong to no `anon_vma`. Each has a list of the
//! addresses that it was found at, with the `anon_vma` of each; page tables tell which of these
//! still map it.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use super::tasks::owner;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::page_tables::{PAGE_SHIFT, PageTables};
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::HolderSearch;
use crate::kernel::pins::holders::{Merged, Thing};
use crate::kernel::pins::mappers;
use crate::sample::pins::UserKind;

/// Addresses of one page that are looked at (`max_page_sharing` is 256 unless it was raised).
const MAX_PLACES: usize = 4096;

pub(super) fn mapped(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let mut of_mms: HashMap<u64, Vec<(Thing, u64)>> = HashMap::new();
    for merged in search.holders.merged() {
        match mappings(search, &merged) {
            Ok(mms) => {
                for mm in mms {
                    of_mms.entry(mm).or_default().push((merged.folio, 1));
                }
            }
            // The page is no longer merged.
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
            Err(why) => return Err(why),
        }
    }
    for (mm, folios) in of_mms {
        let user = owner(search, mm, UserKind::Mapped);
        search.hold_all(&folios, &user);
    }
    Ok(())
}

/// The address spaces that map a page, each as often as it does.
fn mappings(search: &mut HolderSearch<'_, '_>, merged: &Merged) -> Result<Vec<u64>, Unreadable> {
    let reader = search.reader;
    let next = reader.offset(Field::MergedItemNext)?;
    let mut items = Vec::new();
    let first = reader.word(merged.node, Field::MergedItems)?;
    reader.memory.chain(first, 0, 0, |nodes| {
        items.extend(nodes.iter().map(|node| node.wrapping_sub(next)));
        if items.len() < MAX_PLACES {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    let anon_vmas = reader.column(&items, Field::MergedItemAnonVma)?;
    let addresses = reader.column(&items, Field::MergedItemAddress)?;
    let mut seen = HashSet::new();
    let mut mms = Vec::new();
    for (anon_vma, address) in anon_vmas.into_iter().zip(addresses) {
        let (Some(anon_vma), Some(address)) = (anon_vma, address) else {
            continue;
        };
        // The low bits are flags.
        let address = address >> PAGE_SHIFT << PAGE_SHIFT;
        for vma in mappers::of_anon_vma(reader, anon_vma)? {
            search.visited += 1;
            // A fork has the same address, and both may be on the list.
            let is_there = (vma.start..vma.end).contains(&address);
            if !is_there || !seen.insert((vma.mm, address)) {
                continue;
            }
            let pfn = PageTables::of(reader, vma.mm)?.pfn(address);
            if pfn.and_then(|pfn| search.folio(pfn)) == Some(merged.folio) {
                mms.push(vma.mm);
            }
        }
    }
    Ok(mms)
}
