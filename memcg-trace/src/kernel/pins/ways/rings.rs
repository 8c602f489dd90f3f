//! Files and buffers that are registered with an io_uring: the ring has the files open, without a
//! descriptor, and has the pages of the buffers pinned.

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::open_file::OpenFile;
use crate::kernel::debugger::reader::{Reader, words};
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::HolderSearch;
use crate::kernel::pins::holders::Kind;
use crate::sample::pins::{User, UserKind};

/// `IORING_MAX_FIXED_FILES` was never more (io_uring/rsrc.c).
const MAX_FILES: u64 = 1 << 20;
/// Buffers of one ring (io_uring/rsrc.c: `IORING_MAX_REG_BUFFERS`), and pages of one: a GiB.
const MAX_BUFFERS: u64 = 1 << 14;
const MAX_PAGES: u64 = 1 << 18;
/// Flags in the low bits of a file (io_uring/filetable.h: FFS_NOWAIT, FFS_ISREG, …).
const FLAGS: u64 = 7;
/// Bytes of a `struct bio_vec`: a page, a length and an offset.
const VEC_BYTES: u64 = 16;

/// Reads the tables of files of all rings that are open.
pub(super) fn registered_files(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let registrations = registrations(search)?;
    let files: Vec<_> = registrations.iter().map(|one| one.file).collect();
    let wanted = search.wants_files(&files)?;
    for (one, _) in registrations
        .into_iter()
        .zip(wanted)
        .filter(|(_, wanted)| *wanted)
    {
        if let Some(user) = search.task(one.task, UserKind::Ring) {
            let user = User {
                fd: Some(one.fd),
                ..user
            };
            search.hold(Kind::File.at(one.file), user);
        }
    }
    Ok(())
}

/// All rings that are open. A kernel without io_uring does not have its types either.
fn rings(search: &HolderSearch<'_, '_>) -> Result<Vec<OpenFile>, Unreadable> {
    let reader = search.reader;
    let counts = [Field::RingNrFiles, Field::RingNrNodes];
    if !counts.iter().any(|field| reader.has(*field)) {
        return Ok(Vec::new());
    }
    reader.symbol(Symbol::IoUringFops)?;
    { search.open }.of_kind(reader, &[Symbol::IoUringFops], Field::FilePrivate)
}

/// Each file that is registered, with the descriptor of its ring.
pub(super) fn registrations(search: &HolderSearch<'_, '_>) -> Result<Vec<OpenFile>, Unreadable> {
    let reader = search.reader;
    let mut found = Vec::new();
    for ring in rings(search)? {
        let files = match registered(reader, ring.object) {
            Ok(files) => files,
            // The ring is freed meanwhile.
            Err(Unreadable::Fault(_)) => continue,
            Err(why) => return Err(why),
        };
        found.extend(files.into_iter().map(|file| OpenFile { file, ..ring }));
    }
    Ok(found)
}

/// The table of one ring: of files, since 6.13 of nodes with a file each.
fn registered(reader: &Reader<'_>, ring: u64) -> Result<Vec<u64>, Unreadable> {
    let files = match reader.has(Field::RingNodes) {
        true => {
            let (count, table) = (Field::RingNrNodes, Field::RingNodes);
            let nodes = entries(reader, ring, count, table, MAX_FILES)?;
            let files = reader.column(&nodes, Field::RingNodeFile)?;
            files.into_iter().flatten().collect()
        }
        false => entries(
            reader,
            ring,
            Field::RingNrFiles,
            Field::RingFiles,
            MAX_FILES,
        )?,
    };
    Ok(files.into_iter().map(|file| file & !FLAGS).collect())
}

/// The pointers of a table that are not null.
fn entries(
    reader: &Reader<'_>,
    ring: u64,
    count: Field,
    table: Field,
    most: u64,
) -> Result<Vec<u64>, Unreadable> {
    let count = reader.word(ring, count)?.min(most);
    let table = reader.word(ring, table)?;
    if count == 0 || table == 0 {
        return Ok(Vec::new());
    }
    let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * 8];
    reader.memory.read(table, &mut bytes)?;
    let mut entries = words(&bytes);
    entries.retain(|entry| *entry != 0);
    Ok(entries)
}

/// Reads the pages of all buffers of all rings that are open.
pub(super) fn registered_buffers(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let reader = search.reader;
    let first_page = reader.word_at(reader.symbol(Symbol::VmemmapBase)?)?;
    let page_bytes = reader.resolved.pages.bytes.max(1);
    for ring in rings(search)? {
        let pages = match pinned(reader, ring.object) {
            Ok(pages) => pages,
            // The ring is freed meanwhile.
            Err(Unreadable::Fault(_)) => continue,
            Err(why) => return Err(why),
        };
        search.visited += pages.len() as u64;
        let folios = pages.into_iter().filter_map(|page| {
            let pfn = page.checked_sub(first_page)? / page_bytes;
            search.pinned_folio(pfn)
        });
        let folios: Vec<_> = folios.collect();
        if !folios.is_empty()
            && let Some(user) = search.task(ring.task, UserKind::Ring)
        {
            let user = User {
                fd: Some(ring.fd),
                ..user
            };
            search.hold_all(&folios, &user);
        }
    }
    Ok(())
}

/// Pages of the buffers of one ring, once for each time that they are pinned.
fn pinned(reader: &Reader<'_>, ring: u64) -> Result<Vec<u64>, Unreadable> {
    // Since 6.13 this is a table of nodes with a buffer each.
    let buffers = match reader.has(Field::RingBufferNodes) {
        true => {
            let (count, table) = (Field::RingNrBufferNodes, Field::RingBufferNodes);
            let nodes = entries(reader, ring, count, table, MAX_BUFFERS)?;
            let buffers = reader.column(&nodes, Field::RingNodeBuffer)?;
            buffers.into_iter().flatten().collect()
        }
        false => {
            let (count, table) = (Field::RingNrBuffers, Field::RingBuffers);
            entries(reader, ring, count, table, MAX_BUFFERS)?
        }
    };
    let vecs = reader.offset(Field::BufferVecs)?;
    let mut pages = Vec::new();
    for buffer in buffers {
        let count = reader.word(buffer, Field::BufferNrVecs)?.min(MAX_PAGES);
        let vecs: Vec<_> = (0..count)
            .map(|at| buffer + vecs + at * VEC_BYTES)
            .collect();
        let of_one = reader.column(&vecs, Field::BioVecPage)?;
        pages.extend(of_one.into_iter().flatten());
    }
    Ok(pages)
}
