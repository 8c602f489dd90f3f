//! Pins of dead memory cgroups: every reference that can be found by reading kernel memory.
//!
//! One file for each kind of reference. A reference that a zombie leads to is looked up from the
//! zombie: its own lists, css_sets, children, the id in swap. A reference that only points to the
//! zombie is found by scanning all objects of its kind, once for all zombies that are asked about:
//! open files, writeback, the CPUs' stocks. All pages of the host come last, and only if references
//! are left over.

mod all_pages;
mod backing;
mod cgroups;
mod children;
mod css_sets;
mod descriptors;
mod file_object;
mod find_holders;
mod folios;
mod holder_search;
mod holders;
mod host;
pub(super) mod host_memory;
mod kernel_pages;
mod ledger;
mod lists;
mod mappers;
mod namespaces;
mod page_owners;
mod scan;
mod segments;
mod slabs;
mod sockets;
mod stock;
mod swap;
mod swap_owners;
mod swapped;
mod users;
mod ways;
mod writeback;

pub(super) use scan::scan;
