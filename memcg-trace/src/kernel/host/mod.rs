//! Facts from the host's own files: types, symbols, privileges, processors, memory, disks.

pub(crate) mod address_names;
pub mod allocator;
#[cfg(feature = "live")]
pub(crate) mod block_devices;
pub mod btf;
#[cfg(feature = "live")]
pub(crate) mod clock;
#[cfg(feature = "live")]
pub(crate) mod cpus;
#[cfg(feature = "live")]
pub(crate) mod host_facts;
mod kallsyms;
pub mod privilege;
#[cfg(feature = "live")]
pub(crate) mod ram;
mod raw_bpf;
#[cfg(feature = "live")]
pub(crate) mod settings;
mod symbol_filter;
mod symbol_iterator;
mod symbol_table;
#[cfg_attr(
    not(feature = "live"),
    expect(dead_code, reason = "names of addresses are for stacks")
)]
pub mod symbols;
