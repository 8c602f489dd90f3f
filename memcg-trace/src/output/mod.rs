//! Snapshots as text: records for programs, tables for people. Writes to what it is given.

mod advice;
pub mod compare;
pub mod doctor;
pub mod document;
pub mod dot;
mod dying;
pub mod figures;
pub mod findings;
pub mod fit;
mod lock_stats;
pub mod locks;
pub mod names;
pub mod ndjson;
pub mod ndjson_peaks;
mod open_ends;
pub mod pins;
pub mod reclaim;
pub mod records;
pub mod shrinkers;
pub mod slab;
pub mod slab_inside;
pub mod spark;
pub mod summary;
mod table;
pub mod text;
pub mod tree;
pub mod zombies;
