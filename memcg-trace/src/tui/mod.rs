//! Snapshots on a screen.
//!
//! Pure: [`App`] takes snapshots, keys and sizes, and [`draw`] draws it. Who owns the terminal,
//! reads the keys and keeps the time is the command line's business.

mod app;
mod columns;
mod detail;
mod filter;
mod findings;
mod grid;
mod help;
mod keys;
mod list;
mod locks;
mod memcgs;
mod reclaim;
mod screen;
mod shrinkers;
mod slab;
mod slab_view;
mod tab;
mod tables;
mod theme;
mod trees;
mod zombies;

pub use app::{App, Setup};
pub use screen::draw;
