//! Holders of the objects that pin, counted: each thing below has the kernel's own count of
//! references, and each way to hold it ([`super::ways`]) adds the holders that it finds.
//!
//! A file that pins is an inode, with its dentries and their open files (`struct file`): each level
//! is counted for itself, so that a surplus of one cannot hide a gap of another.

mod accounts;
mod folios;
mod thing;

pub(super) use accounts::Holders;
pub(super) use thing::{Anon, Kind, Merged, Thing};
