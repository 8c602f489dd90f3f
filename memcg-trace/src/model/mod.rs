//! The model: it turns samples into the snapshots that views show.
//!
//! Pure: no clock, no file, no kernel. The same samples give the same snapshots, whether they
//! come from a kernel or from a recording of one.

pub mod abandoned;
mod balance;
mod cache_contents;
mod callers;
pub mod compare;
mod deadlocks;
mod dying;
pub mod known;
mod locks;
mod names;
pub mod origins;
pub mod pins;
pub mod pressure;
pub(crate) mod rate;
mod recent;
mod reclaim;
pub mod reparent;
pub mod select;
mod shrinkers;
mod slab;
pub mod slab_list;
mod slab_walk;
pub mod snapshot;
mod state;
mod tree;
mod trend;
pub mod why;
pub mod workload;
mod zombie_cost;
pub mod zombies;

pub use balance::NEAR_HIGH;
pub use state::Model;
pub use tree::is_zombie;
