//! Snapshots on a screen.
//!
//! Pure: [`App`] takes snapshots, keys and sizes, and [`draw`] draws it. The command line owns the
//! terminal, reads the keys and keeps the time.

mod app;
mod bar;
mod columns;
mod cursor;
mod detail;
mod filter;
mod findings;
mod grid;
mod header;
mod help;
mod keys;
mod lock_stats;
mod locks;
mod memcgs;
mod mouse;
mod order;
mod origins;
mod overview;
mod picture;
mod reclaim;
mod regions;
mod screen;
mod section_view;
mod shrinkers;
mod slab;
mod slab_pictures;
mod slab_rates;
mod slab_view;
mod tab_bar;
mod table;
mod tabs;
mod theme;
mod timeline;
mod travel;
mod view;
mod yank;
mod zombies;

pub use app::{App, Setup};
pub use overview::Trends;
pub use regions::Regions;
pub use screen::draw;
pub use timeline::Visit;
pub use travel::{Destination, Travel, parse as parse_moment};
