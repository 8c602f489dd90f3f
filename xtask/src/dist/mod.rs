//! `cargo xtask dist`: what is given away, made of one static binary: a tarball, a `.deb`, a `.rpm`,
//! their checksums, and a list of what is in the binary (SBOM).

mod binary;
mod check;
mod command;
mod crates;
mod debian;
mod files;
mod licences;
mod rpm;
mod sbom;
mod tarball;
mod trial;

pub use command::{Arguments, deb, main, packages};
