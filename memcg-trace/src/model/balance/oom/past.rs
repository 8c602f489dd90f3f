//! What is known from before a kill.

use super::growth::Growth;
use super::inheritance::Inheritance;

/// What is known from before a kill.
#[derive(Debug, Default)]
pub(in crate::model::balance) struct Past {
    pub(in crate::model::balance) growth: Growth,
    pub(in crate::model::balance) inheritance: Inheritance,
}
