//! Holders of folios that belong to no file: page tables, and pipes.

use crate::kernel::host::symbols::Symbol;
use std::collections::HashMap;

use super::tasks::owner;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_file::OpenFile;
use crate::kernel::debugger::open_files::Open;
use crate::kernel::debugger::page_tables::{PAGE_SHIFT, PageTables};
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::HolderSearch;
use crate::kernel::pins::holders::{Anon, Thing};
use crate::kernel::pins::mappers::{self, Vma};
use crate::sample::pins::{User, UserKind};

/// Buffers of one pipe (fs/pipe.c: `pipe_max_size` is a MiB; root may have more).
const MAX_BUFFERS: u64 = 1 << 16;

/// Mappings of one `anon_vma` whose page tables are looked at.
const MAX_MAPPINGS: usize = 4096;

/// Each entry of a page table has one reference. An `anon_vma` tells which address spaces may map
/// its folios, and their page tables tell which do: of a fork, only one side may. The `anon_vma` of
/// a folio that is no longer mapped may be freed, and its memory be another one's.
pub(super) fn mapped(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let mut outcome = Ok(());
    for anon in search.holders.anon() {
        let Ok(vmas) = mappers::of_anon_vma(search.reader, anon.anon_vma) else {
            continue;
        };
        if vmas.len() > MAX_MAPPINGS {
            outcome = Err(Unreadable::Failed(format!(
                "more than {MAX_MAPPINGS} mappings of one memory"
            )));
            continue;
        }
        let mut of_mms: HashMap<u64, Vec<(Thing, u64)>> = HashMap::new();
        for vma in vmas {
            search.visited += 1;
            let found = of_mms.entry(vma.mm).or_default();
            match in_tables(search, &anon, &vma, found) {
                Ok(()) | Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
                Err(why) => return Err(why),
            }
        }
        for (mm, folios) in of_mms {
            if !folios.is_empty() {
                let user = owner(search, mm, UserKind::Mapped);
                search.hold_all(&folios, &user);
            }
        }
    }
    outcome
}

/// Adds the folios that a mapping maps, each as often as it does.
fn in_tables(
    search: &HolderSearch<'_, '_>,
    anon: &Anon,
    vma: &Vma,
    found: &mut Vec<(Thing, u64)>,
) -> Result<(), Unreadable> {
    let pages = vma.end.saturating_sub(vma.start) >> PAGE_SHIFT;
    let from = anon.first.saturating_sub(vma.first_page).min(pages);
    let to = anon.last.saturating_add(1);
    let to = to.saturating_sub(vma.first_page).min(pages);
    if from >= to {
        return Ok(());
    }
    let address = |page: u64| vma.start.saturating_add(page << PAGE_SHIFT);
    let range = address(from)..address(to);
    PageTables::of(search.reader, vma.mm)?.each(range, |entry| {
        found.extend(search.folio(entry.pfn).map(|folio| (folio, 1)));
    })
}

/// A pipe has one reference to each page in it.
pub(super) fn in_pipes(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let first_page = search
        .reader
        .word_at(search.reader.symbol(Symbol::VmemmapBase)?)?;
    let page_bytes = search.reader.resolved.pages.bytes.max(1);
    for (pipe, ends) in ends_of_pipes(search.reader, search.open)? {
        let pages = match carried(search.reader, pipe) {
            Ok(pages) => pages,
            // The pipe was closed meanwhile.
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => continue,
            Err(why) => return Err(why),
        };
        search.visited += pages.len() as u64;
        let folios = pages.into_iter().filter_map(|page| {
            let pfn = page.checked_sub(first_page)? / page_bytes;
            Some((search.folio(pfn)?, 1))
        });
        let folios: Vec<_> = folios.collect();
        if folios.is_empty() {
            continue;
        }
        for (at, end) in ends.into_iter().enumerate() {
            if let Some(user) = search.task(end.task, UserKind::InPipe) {
                let user = User {
                    fd: Some(end.fd),
                    refs: (at > 0).then_some(0),
                    ..user
                };
                search.hold_all(&folios, &user);
            }
        }
    }
    Ok(())
}

/// All pipes, with the processes that have their ends open.
pub(in crate::kernel::pins) fn ends_of_pipes(
    reader: &Reader<'_>,
    open: &Open,
) -> Result<HashMap<u64, Vec<OpenFile>>, Unreadable> {
    let names = [Symbol::PipeanonFops, Symbol::PipefifoFops];
    let mut of_pipes: HashMap<u64, Vec<OpenFile>> = HashMap::new();
    for end in open.of_kind_and_sent(reader, &names, Field::FilePrivate)? {
        of_pipes.entry(end.object).or_default().push(end);
    }
    Ok(of_pipes)
}

/// Pages in a pipe (include/linux/pipe_fs_i.h: from `tail` to `head`, around a ring).
pub(in crate::kernel::pins) fn carried(
    reader: &Reader<'_>,
    pipe: u64,
) -> Result<Vec<u64>, Unreadable> {
    let head = reader.word(pipe, Field::PipeHead)?;
    let tail = reader.word(pipe, Field::PipeTail)?;
    let size = reader.word(pipe, Field::PipeRingSize)?.min(MAX_BUFFERS);
    let used = head.wrapping_sub(tail) & 0xffff_ffff;
    if used == 0 || used > size || !size.is_power_of_two() {
        return Ok(Vec::new());
    }
    let buffers = reader.word(pipe, Field::PipeBufs)?;
    let stride = reader.resolved.pipe_buffer_bytes;
    let buffers: Vec<_> = (0..used)
        .map(|at| buffers.wrapping_add(((tail + at) & (size - 1)) * stride))
        .collect();
    let pages = reader.column(&buffers, Field::PipeBufferPage)?;
    Ok(pages.into_iter().flatten().collect())
}
