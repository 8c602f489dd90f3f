//! Deadlocks of a stock kernel, made and then looked for: the tasks, the resources and the waits.
//!
//! Runs in a guest of its own, which has memory blocks to offline.

mod calm;
mod coredump;
mod drain;
mod edges;
mod four_tasks;
pub mod fuse;
mod grace;
mod holders;
mod in_use;
mod lock_module;
mod look;
mod module;
mod processes;
mod ready;
mod reap;
mod removals;
mod servers;
mod spans;
mod storm;
mod stuck;
mod unseen;
mod works;

pub use coredump::Coredump;
