//! `cargo xtask guest`: runs a command in a virtual machine with a kernel of choice.
//!
//! The guest has a serial port each for the kernel's console, the command's output, the command's
//! errors, and the reports of init, so that none can be mistaken for another.

pub mod boot;
pub mod build;
mod command;
mod console;
mod cpio;
mod debian;
pub mod ending;
mod initramfs;
mod modules;
pub mod monitor;
pub mod pace;
mod qemu;
mod spec;
mod start;
pub mod terminal;

pub use command::{Arguments, main, set_up};
pub use spec::{Disk, Spec};
pub use start::{ours, run};
