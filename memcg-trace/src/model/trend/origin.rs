//! Origins of zombies: the parent, or the program that makes cgroups.

use crate::sample::Text;

/// The origin of zombies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// The nearest live memcg above at the time of the finding, by serial number.
    Parent(u64),
    /// The name of the process that made them.
    Creator(Text),
}
