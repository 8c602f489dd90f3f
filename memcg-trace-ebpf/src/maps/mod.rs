//! Additions to values of maps: counters, histograms, and the counters of what was lost.

pub mod counter;
pub mod histogram;
pub mod loss;
