//! `cargo xtask setup`: finds what is needed and fetches what is missing into the user's cache.
//! Nothing is installed on the system.
//!
//! There is no state from earlier runs: each run checks everything anew, which takes well under a
//! second and needs no network.

pub mod apt;
pub mod cargo_tools;
mod command;
pub mod compiler;
mod ensure;
mod headers;
pub mod kernels;
mod linker;
mod mirror;
mod missing;
mod needs;
mod other_systems;
pub mod progress;
pub mod timings;
pub mod tools;
pub mod unpack;

pub use command::{Arguments, main};
pub use ensure::{ensure, lock};
pub use needs::Needs;
