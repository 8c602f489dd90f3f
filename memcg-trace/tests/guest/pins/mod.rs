//! Dead memory cgroups and who pins them: real objects of the kernel against what `zombies` and
//! `pins` say of them, and whether what is advised frees them.

// What tests are made of.
mod fixture;
mod held_by_fd;
mod ledger;
pub mod memory;
mod pages;
pub mod sockets;
mod tasks;

// Tests.
mod census;
mod dying;
mod handed_over;
mod held_files;
mod held_pages;
mod holders;
mod hung;
mod kinds;
mod many;
mod module;
mod queues;
mod swap;
mod visible_paths;
