//! Facts of a page beside its snapshots.

use crate::sample::Text;
use crate::sample::incident::Incident;
use crate::sample::recording::Host;

/// Facts of a page beside its snapshots.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a> {
    /// The host.
    pub host: &'a Host,
    /// The incident that the recording is of.
    pub incident: Option<&'a Incident>,
    /// The memory cgroup that the page is limited to.
    pub cgroup: Option<&'a Text>,
    /// The most rows of a table.
    pub top: usize,
}
