//! Figures of zombies: what they hold and cost. Only zombies get this second, closer scan.

use crate::kernel::host::symbols::Symbol;
use std::collections::HashMap;

use memcg_trace_common::memcg::css_flags;

use crate::kernel::counted::memcgs::DeadCss;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, is_kernel_address, words};
use crate::kernel::host::cpus::possible_cpus;
use crate::kernel::layout::fields::{Field, Place};
use crate::sample::Memcg;

/// Bytes of a word array that are read at once.
const PART_BYTES: u64 = 120;

/// Fills in the figures of `dead` in `rows`. A figure that cannot be read stays absent.
pub(crate) fn fill(reader: &Reader<'_>, dead: &[DeadCss], rows: &mut [Memcg]) {
    if dead.is_empty() {
        return;
    }
    let csses: Vec<_> = dead.iter().map(|target| target.css).collect();
    let nodes = reader.nodes().unwrap_or(1);
    let swap = swap_entries(reader, &csses);
    let lru = lru_pages(reader, &csses, nodes);
    let shrinkers = reader
        .symbol(Symbol::ShrinkerNrMax)
        .and_then(|address| reader.word_at(address))
        .map_or(0, |count| count & 0xffff_ffff);
    let cost = reader
        .resolved
        .cost
        .bytes(nodes, u64::from(possible_cpus()), shrinkers);
    for (outcome, what) in [(swap.as_ref().err(), "swap"), (lru.as_ref().err(), "LRU")] {
        if let Some(why) = outcome {
            log::info!("zombies: {what}: {why}");
        }
    }
    let figures = |at: usize| {
        let swap = swap.as_ref().ok().and_then(|swap| swap[at]);
        let lru = lru.as_ref().ok().and_then(|lru| lru[at]);
        (swap, lru)
    };
    let by_serial_nr: HashMap<_, _> = dead
        .iter()
        .enumerate()
        .map(|(at, target)| (target.serial_nr, at))
        .collect();
    for row in rows {
        if let Some(at) = by_serial_nr.get(&row.serial_nr) {
            (row.swap_entries, row.lru_pages) = figures(*at);
            row.own_cost_bytes = Some(cost);
        }
    }
}

/// References to the memcg's id: one for each page in swap, and one of the memcg's own until it is
/// offline (mm/memcontrol.c: mem_cgroup_css_online()).
fn swap_entries(reader: &Reader<'_>, csses: &[u64]) -> Result<Vec<Option<u64>>, Unreadable> {
    let entries = reader.column(csses, Field::MemcgIdRef)?;
    let flags = reader.column(csses, Field::CssFlags)?;
    let count = |(entries, flags): (Option<u64>, Option<u64>)| {
        let own = u64::from(flags? & u64::from(css_flags::ONLINE) != 0);
        Some(entries?.saturating_sub(own))
    };
    Ok(entries.into_iter().zip(flags).map(count).collect())
}

/// Pages on all LRU lists, by the kernel's own counters: those of MGLRU are separate
/// (include/linux/mm_inline.h: lru_gen_update_size()).
fn lru_pages(
    reader: &Reader<'_>,
    csses: &[u64],
    nodes: u64,
) -> Result<Vec<Option<u64>>, Unreadable> {
    let nodeinfo = reader.offset(Field::MemcgNodeinfo)?;
    let mut counters = vec![reader.place(Field::NodeLruZoneSize)?];
    // A kernel without MGLRU has neither of these.
    if reader.has(Field::NodeGenerations) || reader.has(Field::NodeGenerationPages) {
        counters.push(reader.place(Field::NodeGenerationPages)?);
    }
    let mut pages = vec![Some(0_u64); csses.len()];
    for node in 0..nodes {
        let pointers = csses.iter().map(|css| css + nodeinfo + node * 8);
        let of_node = each_word(reader, &pointers.collect::<Vec<_>>())?;
        for sizes in &counters {
            add_words(reader, &of_node, *sizes, &mut pages)?;
        }
    }
    Ok(pages)
}

/// Adds the words of the array at each of `bases`; a base that is no address has no array.
fn add_words(
    reader: &Reader<'_>,
    bases: &[u64],
    array: Place,
    sums: &mut [Option<u64>],
) -> Result<(), Unreadable> {
    for part in (0..array.bytes).step_by(usize::try_from(PART_BYTES).unwrap_or(8)) {
        let bytes = usize::try_from(PART_BYTES.min(array.bytes - part)).unwrap_or(0);
        let from = |base: &u64| {
            let is_there = is_kernel_address(*base);
            if is_there {
                base + array.offset + part
            } else {
                0
            }
        };
        let addresses: Vec<_> = bases.iter().map(from).collect();
        let mut at = 0;
        reader.memory.each(&addresses, bytes, |read| {
            match read {
                Some(read) => {
                    let sum = words(read).into_iter().fold(0, u64::wrapping_add);
                    sums[at] = sums[at].map(|pages| pages.wrapping_add(sum));
                }
                None if addresses[at] != 0 => sums[at] = None,
                None => {}
            }
            at += 1;
        })?;
    }
    Ok(())
}

fn each_word(reader: &Reader<'_>, addresses: &[u64]) -> Result<Vec<u64>, Unreadable> {
    let mut found = Vec::with_capacity(addresses.len());
    reader.memory.each(addresses, 8, |word| {
        found.push(word.map_or(0, |word| words(word)[0]));
    })?;
    Ok(found)
}
