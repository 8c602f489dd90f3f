//! memcg-trace on a real kernel, as root, in a guest: its output against the kernel's own figures.
//!
//! `cargo xtask test` runs this in a guest per kernel, one test at a time. Every test prints the
//! figures that it saw. What a kernel does not offer is asserted to be missing, never skipped.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot continue says where, and prints what it saw"
)]

// Helpers of tests.
mod contract;
#[path = "../fixture/digits.rs"]
mod digits;
mod disk;
mod export;
#[path = "../serve/exposition.rs"]
mod exposition;
mod fault;
mod host;
mod npd;
#[path = "../schemas/mod.rs"]
mod schemas;
mod shrinker_module;
mod suspend;
mod terminal;
mod tool;
mod traces;
mod vmscan;

// Tests.
mod attached;
mod bad_hosts;
mod capabilities;
mod doctor;
mod findings;
mod fleet;
mod incidents;
mod lock;
mod locks;
mod memcg;
mod names;
mod origins;
mod pins;
mod reclaim;
mod record;
mod screen;
mod serve;
mod shape;
mod size;
mod slab;
mod slab_callers;
mod slab_live;
mod slab_walk;
mod slab_ways;
mod stream;
mod trend;
mod userland;
mod v1;
mod variants;
mod zombie_cost;
