//! An object of the ledger, with its row and its zombie.

use crate::model::snapshot::Pins;
use crate::sample::pins::{Object, Pin};

/// An object of the ledger with its context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    pub(super) pins: &'a Pins,
    pub(super) pin: &'a Pin,
    pub(super) object: &'a Object,
}
