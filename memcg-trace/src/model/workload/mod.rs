//! The unit, container and pod that a memory cgroup belongs to.

mod container;
mod pod;
mod told;
mod unit;
mod workloads;

pub use container::{Container, Runtime};
pub use pod::Pod;
pub use told::Told;
pub(super) use told::ToldNames;
pub use workloads::Workload;
