//! Debian's archive: which mirror this machine uses, what is there, and what is in a package.

pub mod archive;
pub mod deb;
pub mod index;
pub mod sources;
pub mod version;
