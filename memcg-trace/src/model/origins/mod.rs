//! Where zombies come from: the dead grouped by parent, by the shape of their names and by what
//! pins them.
//!
//! Shapes are learned from the names of a host: no manager and no runtime is known by name.

mod group;
mod origin;
pub(in crate::model) mod places;
mod shape;
mod tokens;
mod words;

pub use group::list;
pub(in crate::model) use group::sum;
pub use origin::{Origin, PinnedBy, Shared};
