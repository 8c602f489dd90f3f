//! Owners of swap slots: the memcg id of a slot, from where the kernel keeps it.

use crate::kernel::host::symbols::Symbol;
use std::collections::HashMap;

use super::ways::swap_files;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;
use crate::kernel::layout::swap::{AREA_SHIFT, SwapOwners};

const PAGE_BYTES: u64 = 4096;
/// Bytes of a `struct page`.
const DESCRIPTOR_BYTES: u64 = 64;
/// Bytes of an id.
const ID_BYTES: u64 = 2;
/// `MM_SWAPENTS` (include/linux/mm_types_task.h), which is in BTF everywhere.
const COUNTERS: usize = 4;

/// The lookup of ids.
pub(super) struct Owners {
    shape: SwapOwners,
    /// Swap areas by their number.
    areas: Vec<u64>,
    /// Pointers that were read before: to pages of ids and tables of clusters.
    known: HashMap<u64, u64>,
    vmemmap: u64,
    page_offset: u64,
    /// Offsets of the CPUs' per-CPU variables.
    cpus: Vec<u64>,
}

impl Owners {
    pub(super) fn new(reader: &Reader<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            shape: reader.resolved.swap_owners,
            areas: swap_files::areas(reader)?,
            known: HashMap::new(),
            vmemmap: reader.word_at(reader.symbol(Symbol::VmemmapBase)?)?,
            page_offset: reader.word_at(reader.symbol(Symbol::PageOffsetBase)?)?,
            cpus: reader.cpu_offsets()?,
        })
    }

    /// The id of each of some swap slots; `None` where there is none.
    pub(super) fn of(
        &mut self,
        reader: &Reader<'_>,
        places: &[u64],
    ) -> Result<Vec<Option<u64>>, Unreadable> {
        let mut addresses = Vec::with_capacity(places.len());
        for place in places {
            let area = place >> AREA_SHIFT;
            let offset = place & ((1 << AREA_SHIFT) - 1);
            addresses.push(self.address(reader, area, offset)?);
        }
        let mut ids = Vec::with_capacity(places.len());
        reader.memory.each(&addresses, 2, |id| {
            ids.push(id.map(|id| u64::from(u16::from_ne_bytes([id[0], id[1]]))));
        })?;
        Ok(ids)
    }

    /// The address of a slot's id; 0 where there is no such slot.
    fn address(&mut self, reader: &Reader<'_>, area: u64, offset: u64) -> Result<u64, Unreadable> {
        let at = usize::try_from(area).unwrap_or(usize::MAX);
        let Some(info) = self.areas.get(at).copied() else {
            // This is no swap entry, but that of a page in migration, for example.
            return Ok(0);
        };
        Ok(match self.shape {
            SwapOwners::Pages { area_bytes } => {
                let map = reader.symbol(Symbol::SwapCgroupCtrl)? + area * area_bytes;
                let map = self.follow(reader, map)?;
                let in_page = PAGE_BYTES / ID_BYTES;
                match self.follow(reader, map + offset / in_page * 8)? {
                    0 => 0,
                    page => {
                        let pfn = page.wrapping_sub(self.vmemmap) / DESCRIPTOR_BYTES;
                        self.page_offset + pfn * PAGE_BYTES + offset % in_page * ID_BYTES
                    }
                }
            }
            SwapOwners::Array { area_bytes } => {
                let map = reader.symbol(Symbol::SwapCgroupCtrl)? + area * area_bytes;
                self.follow(reader, map)? + offset * ID_BYTES
            }
            SwapOwners::Clusters {
                cluster_bytes,
                places,
            } => {
                let clusters = info + reader.offset(Field::SwapClusters)?;
                let cluster = self.follow(reader, clusters)? + offset / places * cluster_bytes;
                let table = reader.offset(Field::ClusterMemcgs)?;
                match self.follow(reader, cluster + table)? {
                    0 => 0,
                    table => table + offset % places * ID_BYTES,
                }
            }
            SwapOwners::Unknown => {
                return Err(Unreadable::Absent(
                    "where this kernel keeps whose a page in swap is: unsupported layout"
                        .to_owned(),
                ));
            }
        })
    }

    /// The pointer at an address, read once.
    fn follow(&mut self, reader: &Reader<'_>, address: u64) -> Result<u64, Unreadable> {
        if let Some(known) = self.known.get(&address) {
            return Ok(*known);
        }
        let pointer = reader.word_at(address)?;
        self.known.insert(address, pointer);
        Ok(pointer)
    }

    /// Pages that an address space has in swap.
    pub(super) fn entries_of(&self, reader: &Reader<'_>, mm: u64) -> Result<i64, Unreadable> {
        let index = usize::try_from(reader.resolved.mm_swapents).unwrap_or(COUNTERS);
        let absent = || Unreadable::Absent("MM_SWAPENTS: unsupported layout".to_owned());
        if let Ok(place) = reader.place(Field::MmRssCounts) {
            if place.bytes as usize != COUNTERS * 8 {
                return Err(absent());
            }
            let counts = reader.words(mm, Field::MmRssCounts)?;
            return counts
                .get(index)
                .map(|count| count.cast_signed())
                .ok_or_else(absent);
        }
        // Since 6.2 each is a per-CPU counter (include/linux/percpu_counter.h).
        let all = reader.place(Field::MmRssStat)?;
        let one = all.bytes / COUNTERS as u64;
        let counter = mm + all.offset + index as u64 * one;
        let mut sum = reader
            .word(counter, Field::PercpuCounterCount)?
            .cast_signed();
        let of_cpus = reader.word(counter, Field::PercpuCounterCpus)?;
        let addresses: Vec<_> = self
            .cpus
            .iter()
            .map(|cpu| cpu.wrapping_add(of_cpus))
            .collect();
        reader.memory.each(&addresses, 4, |part| {
            if let Some(part) = part.and_then(|part| part.try_into().ok()) {
                sum = sum.saturating_add(i64::from(i32::from_ne_bytes(part)));
            }
        })?;
        Ok(sum)
    }
}
