//! The layout of a kernel, resolved from its BTF by the table of fields.
//!
//! A field that is at none of its paths is absent; a field of another size is unsupported, never a
//! guess. If the *meaning* of a place changed, a predicate on BTF chooses a shape (see `shapes`).
//! Kernel versions are ignored: distributions move fields between them.

pub mod cost;
mod enumerators;
pub mod fields;
pub mod inodes;
pub mod memcg_counters;
pub mod pages;
mod resolve;
mod resolved;
mod shapes;
pub mod swap;

pub use resolve::resolve;
pub use resolved::{Missing, Resolved};
