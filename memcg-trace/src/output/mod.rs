//! Snapshots as text: records for programs, tables for people. Writes to what it is given.

pub mod doctor;
pub mod document;
pub mod fit;
pub mod names;
pub mod ndjson;
pub mod records;
pub mod summary;
mod table;
pub mod text;
pub mod units;
