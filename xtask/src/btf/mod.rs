//! `cargo xtask btf`: the BTF of kernels that no guest boots, as inputs of tests.

mod command;
mod fetch;
mod image;
mod inputs;

pub use command::{Arguments, main};
