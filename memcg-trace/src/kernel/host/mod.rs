//! Facts from the host's own files: types, symbols, privileges, processors, memory, disks.

pub(crate) mod address_names;
pub mod allocator;
pub(crate) mod block_devices;
pub mod btf;
pub(crate) mod clock;
pub(crate) mod cpus;
pub(crate) mod host_facts;
mod kallsyms;
pub mod privilege;
pub(crate) mod ram;
mod raw_bpf;
pub(crate) mod settings;
mod symbol_filter;
mod symbol_iterator;
mod symbol_table;
pub mod symbols;
