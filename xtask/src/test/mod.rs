//! `cargo xtask test`: all checks and tests, on this host and in a guest for each kernel.

mod arguments;
mod boots;
mod busy;
mod command;
mod dumps;
mod failures;
mod fleet;
mod fresh;
mod guests;
mod host;
mod libtest;
mod module;
mod prefixed;
mod report;
mod row;
mod shell;
mod special_guests;
mod times;

pub use arguments::Arguments;
pub use command::main;
