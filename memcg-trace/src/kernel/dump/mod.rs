//! The memory of a host in a crash dump, and what the dump tells of the kernel that it is of:
//! its release, its symbols and its types. No file beside the dump is read.
//!
//! A dump is untrusted: sizes and offsets in it are checked before they are used, and memory is
//! bounded, whatever the dump claims.

mod address_space;
mod compressed;
mod crash_dump;

mod elf;
mod errors;
mod flattened;
mod input;
mod kallsyms;
mod kallsyms_search;
mod kdump;
mod notes;
mod page_cache;
mod pages;
mod physical;
mod plain_file;
mod symbol_list;
mod vmcoreinfo;

#[cfg(test)]
mod tests;

pub use crash_dump::CrashDump;
pub use errors::{Gap, Malformed, Unread};
