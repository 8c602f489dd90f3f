//! All BPF maps of the host, by the kernel's own table of their ids.

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address, words};
use crate::kernel::debugger::xarray;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::Text;

/// Most nodes of the table of ids that are read; each has some 64 maps.
const MAX_NODES: usize = 16_384;
/// Most entries of one map that are read.
const MAX_ENTRIES: u64 = 1 << 20;
/// `BPF_MAP_TYPE_CGROUP_ARRAY` (include/uapi/linux/bpf.h).
const CGROUP_ARRAY: u64 = 8;

/// A map whose values are cgroups: each is one reference (kernel/bpf/arraymap.c:
/// cgroup_fd_array_get_ptr()).
#[derive(Clone, Debug)]
pub(crate) struct CgroupArray {
    /// Address of its `struct bpf_map`.
    pub(crate) map: u64,
    pub(crate) id: u64,
    pub(crate) name: Text,
    /// References to the map.
    pub(crate) refs: u64,
    /// Addresses of the cgroups in it.
    pub(crate) cgroups: Vec<u64>,
}

/// All maps whose values are cgroups.
pub(crate) fn cgroup_arrays(reader: &Reader<'_>) -> Result<Vec<CgroupArray>, Unreadable> {
    let mut maps = Vec::new();
    let see = |entry: xarray::Entry| maps.extend(entry.pointer());
    xarray::entries(reader, reader.symbol(Symbol::MapIdr)?, MAX_NODES, see)?;
    let kinds = reader.column(&maps, Field::BpfMapType)?;
    let arrays = maps.into_iter().zip(kinds);
    let arrays = arrays.filter(|(_, kind)| *kind == Some(CGROUP_ARRAY));
    Ok(arrays
        // A map that was freed meanwhile has no entries any more.
        .filter_map(|(map, _)| cgroup_array(reader, map).ok())
        .collect())
}

fn cgroup_array(reader: &Reader<'_>, map: u64) -> Result<CgroupArray, Unreadable> {
    let count = reader.word(map, Field::BpfMapMaxEntries)?.min(MAX_ENTRIES);
    let mut entries = vec![0; usize::try_from(count).unwrap_or(0) * 8];
    let first = map + reader.offset(Field::BpfArrayPtrs)?;
    reader.memory.read(first, &mut entries)?;
    let cgroups = words(&entries).into_iter();
    Ok(CgroupArray {
        map,
        id: reader.word(map, Field::BpfMapId)?,
        name: Text::from_c(&reader.bytes(map, Field::BpfMapName)?),
        refs: reader.word(map, Field::BpfMapRefcnt)?,
        cgroups: cgroups.filter(|at| is_kernel_address(*at)).collect(),
    })
}
