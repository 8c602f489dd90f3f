//! Dead memory cgroups and their pins: real objects of the kernel against the output of `zombies`
//! and `pins`, and whether the advice frees them.

// Helpers of tests.
mod fixture;
mod held_by_fd;
mod ledger;
pub mod memory;
mod pages;
mod programs;
pub mod sockets;
mod tasks;

// Tests.
mod census;
mod dying;
mod followed;
mod handed_over;
mod held_files;
mod held_pages;
mod hidden_holders;
mod hidden_kinds;
mod holders;
mod hung;
mod kinds;
mod loop_devices;
mod many;
mod module;
mod not_looked_at;
mod not_pins;
mod queues;
mod swap;
mod unmounted;
mod visible_paths;
