//! SysV segments: each has its file open until the segment is removed (ipc/shm.c: `shm_file`), and
//! each process that attaches it has it open too, behind a file of its own.

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::operations;
use crate::kernel::host::symbols::Symbol;
use std::collections::HashSet;

use crate::kernel::debugger::xarray;
use crate::kernel::layout::fields::Field;
use crate::kernel::pins::holder_search::HolderSearch;
use crate::kernel::pins::holders::Kind;

/// Segments are the last of three kinds in a namespace (ipc/util.h: IPC_SHM_IDS).
const SEGMENTS: u64 = 2;
const KINDS: u64 = 3;
/// Nodes of one namespace's array that are looked at: those of a million segments.
const MAX_NODES: usize = 1 << 14;

pub(super) fn files(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let reader = search.reader;
    let tasks: Vec<_> = search.threads.iter().map(|thread| thread.task).collect();
    let proxies = reader.column(&tasks, Field::TaskNsproxy)?;
    let proxies: Vec<_> = proxies.into_iter().map(Option::unwrap_or_default).collect();
    let namespaces = reader.column(&proxies, Field::NsproxyIpc)?;
    let namespaces: HashSet<u64> = namespaces.into_iter().flatten().collect();
    let ids = reader.place(Field::IpcNsIds)?;
    let array = ids.offset + ids.bytes / KINDS * SEGMENTS + reader.offset(Field::IpcIdsIdr)?;
    for namespace in namespaces.into_iter().filter(|at| *at != 0) {
        let mut segments = Vec::new();
        let see = |entry: xarray::Entry| segments.extend(entry.pointer());
        xarray::entries(reader, namespace + array, MAX_NODES, see)?;
        let files = reader.column(&segments, Field::SegmentFile)?;
        let files: Vec<_> = files.into_iter().flatten().collect();
        let wanted = search.wants_files(&files)?;
        let wanted = files.iter().zip(wanted).filter(|(_, wanted)| *wanted);
        for (file, _) in wanted {
            // The segment itself has the file open, without a descriptor or a mapping.
            search.holders.found(Kind::File.at(*file), 1);
        }
    }
    attached(search)
}

/// Counts the files by which a segment is attached: each has the segment's own file open
/// (ipc/shm.c: do_shmat()).
fn attached(search: &mut HolderSearch<'_, '_>) -> Result<(), Unreadable> {
    let reader = search.reader;
    let operations = [Symbol::ShmFileOperations, Symbol::ShmFileOperationsHuge];
    let operations = operations::addresses(reader, &operations)?;
    for file in search.holders.files() {
        let operation = reader.word(file, Field::FileOp);
        if !operation.is_ok_and(|operation| operations.contains(&operation)) {
            continue;
        }
        let data = reader.word(file, Field::FilePrivate);
        let Ok(of_segment) = data.and_then(|data| reader.word(data, Field::ShmDataFile)) else {
            continue;
        };
        let of_segment = Kind::File.at(of_segment);
        if search.wants(of_segment) {
            search.holders.found(of_segment, 1);
        }
    }
    Ok(())
}
