//! All metrics of a snapshot.

use super::family::Families;
use super::rows::Limits;
use super::{host, rows, sections};
use crate::model::snapshot::Snapshot;

/// The metrics of a snapshot that has all rows.
#[must_use]
pub fn of(whole: &Snapshot, limits: Limits) -> Families {
    let mut families = Families::default();
    host::add(&mut families, whole);
    sections::add(&mut families, whole);
    rows::add(&mut families, whole, limits);
    families
}
