//! Asynchronous I/O (io_setup(2)): each context has the file open whose pages are its ring, and the
//! files of the requests that can be cancelled (fs/aio.c: `aio_ring_file`, `active_reqs`). Other
//! requests in progress are on no list.

use std::collections::HashSet;

use super::tasks::{UNREAD, owner};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, words};
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::HolderSearch;
use crate::kernel::pins::holders::Kind;
use crate::sample::pins::UserKind;

/// Contexts of one address space that are looked at.
const MAX_CONTEXTS: u64 = 1 << 16;
/// Requests of one context (fs/aio.c: `aio_max_nr` is 65,536 unless it was raised).
const MAX_REQUESTS: usize = 1 << 16;

pub(super) fn contexts(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    if search.threads.is_empty() {
        return Err(Unreadable::Failed(UNREAD.to_owned()));
    }
    // A kernel that is built without AIO has neither the table nor contexts.
    if !search.reader.has(Field::MmIoctxTable) && !search.reader.has(Field::IoctxFile) {
        return Ok(());
    }
    let mms: HashSet<u64> = search.threads.iter().map(|thread| thread.mm).collect();
    let mms: Vec<_> = mms.into_iter().filter(|mm| *mm != 0).collect();
    let tables = search.reader.column(&mms, Field::MmIoctxTable)?;
    for (mm, table) in mms.into_iter().zip(tables) {
        let Some(table) = table.filter(|table| *table != 0) else {
            continue;
        };
        let files = match files(search.reader, table) {
            Ok(files) => files,
            // The context ends meanwhile.
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => continue,
            Err(why) => return Err(why),
        };
        let wanted = search.wants_files(&files)?;
        for (file, _) in files.into_iter().zip(wanted).filter(|(_, wanted)| *wanted) {
            let user = owner(search, mm, UserKind::Aio);
            search.hold(Kind::File.at(file), user);
        }
    }
    Ok(())
}

/// Files that the contexts of one address space have, once for each reference.
fn files(reader: &Reader<'_>, table: u64) -> Result<Vec<u64>, Unreadable> {
    let count = reader.word(table, Field::IoctxTableNr)?.min(MAX_CONTEXTS);
    let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * 8];
    let first = table + reader.offset(Field::IoctxTableContexts)?;
    reader.memory.read(first, &mut bytes)?;
    let mut files = Vec::new();
    for context in words(&bytes).into_iter().filter(|context| *context != 0) {
        files.push(reader.word(context, Field::IoctxFile)?);
        let head = context + reader.offset(Field::IoctxRequests)?;
        let (requests, _) = reader.list(head, Field::IocbInContext, MAX_REQUESTS)?;
        let of_requests = reader.column(&requests, Field::IocbFile)?;
        files.extend(of_requests.into_iter().flatten());
    }
    Ok(files)
}
