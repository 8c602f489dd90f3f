//! Facts that the host's own files give: types, symbols, privileges, processors, memory, disks.

pub(crate) mod block_devices;
pub mod btf;
pub(crate) mod cpus;
pub mod privilege;
pub(crate) mod ram;
pub mod symbols;
