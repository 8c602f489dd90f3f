//! File operations, by whose address the kind of an open file is known.
//!
//! Their symbols may have no address although the kernel has such files: some kernels list only the
//! addresses of functions (without CONFIG_KALLSYMS_ALL). So each row has a second piece of evidence.

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::host::symbols::Symbol;

/// Evidence that a kernel has files of a kind.
#[derive(Clone, Copy)]
enum Evidence {
    /// This function is one of the operations, so that both are there or neither is.
    Function(Symbol),
    /// Each kernel with memory cgroups on which programs run has them.
    Always,
}

use Evidence::{Always, Function};

/// One row for each kind of file.
const KINDS: &[(Symbol, Evidence)] = &[
    (Symbol::BpfLinkFops, Function(Symbol::BpfLinkRelease)),
    (Symbol::BpfLinkFopsPoll, Function(Symbol::BpfLinkPoll)),
    (Symbol::BpfMapFops, Always),
    (Symbol::DefBlkFops, Function(Symbol::BlkdevRelease)),
    (Symbol::FanotifyFops, Function(Symbol::FanotifyRelease)),
    (Symbol::InotifyFops, Function(Symbol::InotifyRelease)),
    (Symbol::IoUringFops, Function(Symbol::IoUringRelease)),
    (Symbol::KernfsFileFops, Always),
    (Symbol::NsFileOperations, Function(Symbol::NsIoctl)),
    (Symbol::OvlFileOperations, Function(Symbol::OvlFillSuper)),
    (Symbol::PerfFops, Function(Symbol::PerfRelease)),
    (Symbol::PipeanonFops, Function(Symbol::AnonPipeRead)),
    (Symbol::PipefifoFops, Always),
    (Symbol::ShmFileOperations, Function(Symbol::ShmMmap)),
    (Symbol::ShmFileOperationsHuge, Function(Symbol::ShmMmap)),
    (Symbol::SocketFileOps, Function(Symbol::SockClose)),
    (Symbol::TapFops, Function(Symbol::TapOpen)),
    (Symbol::TunFops, Function(Symbol::TunChrOpen)),
];

/// Addresses of those operations that this kernel has. An error if it has some whose address is not
/// known.
pub(crate) fn addresses(
    reader: &Reader<'_>,
    operations: &[Symbol],
) -> Result<Vec<u64>, Unreadable> {
    let mut known = Vec::new();
    for symbol in operations {
        match reader.symbol(*symbol) {
            Ok(address) => known.push(address),
            Err(why) if exists(reader, *symbol) => return Err(why),
            Err(_) => {}
        }
    }
    Ok(known)
}

fn exists(reader: &Reader<'_>, operations: Symbol) -> bool {
    let row = KINDS.iter().find(|(symbol, _)| *symbol == operations);
    match row {
        Some((_, Function(function))) => reader.symbol(*function).is_ok(),
        Some((_, Always)) | None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// File operations without a row would be expected on each kernel.
    #[test]
    fn each_kind_of_file_has_a_row() {
        let is_of_files = |symbol: &&Symbol| {
            let mut names = symbol.names().iter();
            let ends = [
                "fops",
                "fops_poll",
                "file_ops",
                "file_operations",
                "operations_huge",
            ];
            names.any(|name| ends.iter().any(|end| name.ends_with(end)))
        };
        for symbol in Symbol::ALL.iter().filter(is_of_files) {
            let rows = KINDS.iter().filter(|(one, _)| one == symbol);
            assert_eq!(rows.count(), 1, "{symbol:?}");
        }
    }
}
