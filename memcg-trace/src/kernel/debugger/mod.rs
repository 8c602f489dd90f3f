//! Readers of kernel memory on demand, and the structures that all walks share.

pub(crate) mod bpf_maps;
pub(crate) mod css;
pub(crate) mod folio;
pub(crate) mod kernel;
pub(crate) mod memory;
mod modules;
pub(crate) mod mount_namespaces;
pub(crate) mod open_file;
pub(crate) mod open_files;
pub(crate) mod operations;
pub(crate) mod page_owner;
pub(crate) mod page_tables;
pub(crate) mod paths;
pub(crate) mod percpu_rwsem;
pub(crate) mod reader;
pub(crate) mod resolver;
pub(crate) mod superblocks;
pub(crate) mod tasks;
pub(crate) mod unix_queues;
pub(crate) mod visible_paths;
pub(crate) mod xarray;
