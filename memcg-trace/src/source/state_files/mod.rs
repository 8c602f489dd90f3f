//! Names of containers and pods from the state files of their runtimes: never from a daemon.

mod child;
mod containerd;
mod docker;
mod files;
mod found;
mod kubernetes;
mod names;
mod oci;
mod reader;
mod storage;
mod users;

pub use child::run;
pub use names::Names;
pub use reader::{DEADLINE, Reader};
