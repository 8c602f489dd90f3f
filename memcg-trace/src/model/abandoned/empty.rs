//! Groups of cgroups without tasks, and why they are there.

use std::sync::Arc;

use strum::{IntoStaticStr, VariantNames};

use crate::model::snapshot::MemcgId;
use crate::sample::Text;

/// Why an empty cgroup is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Class {
    /// Nobody was found that uses it, and memory is charged to it.
    Abandoned,
    /// As above, but nothing is charged to it.
    Uncharged,
    /// As above, but it was made only now, or its age is not known.
    Young,
    /// Live cgroups are below it.
    Parent,
    /// Somebody watches it, has it open, or mounted it.
    InUse,
    /// It is a unit that has no task by design.
    ByDesign,
    /// It could not be looked at who uses it.
    NotChecked,
}

impl Class {
    /// Returns the name in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A time that is known, or the least that it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// The time.
    pub ns: u64,
    /// Whether it may be longer.
    pub at_least: bool,
}

/// The empty cgroup of a group to which most is charged.
#[derive(Clone, Debug)]
pub struct Largest {
    /// Who it is.
    pub id: Arc<MemcgId>,
    /// Memory that is charged to it.
    pub usage_bytes: Option<u64>,
    /// Live cgroups below it; `None` if that is not known.
    pub live_below: Option<u64>,
}

/// Empty cgroups of one parent, one shape of names and one class.
#[derive(Clone, Debug)]
pub struct Empty {
    /// The path of the parent, with what varies in it.
    pub parent: Text,
    /// The shape of the name.
    pub name: Text,
    /// Why they are there.
    pub class: Class,
    /// Their number.
    pub cgroups: u64,
    /// The number of all empty cgroups of the host.
    pub of_cgroups: u64,
    /// Memory that is charged to them; those of class `Parent` have what is below them, too.
    pub usage_bytes: Option<u64>,
    /// Slab of that.
    pub slab_bytes: Option<u64>,
    /// The least age of all of them; `None` if that of one is not known.
    pub least_age_ns: Option<u64>,
    /// How long the one that became empty last has been empty; `None` if that of one is not known.
    pub empty_for: Option<Since>,
    /// The same of the one that became empty first, as far as is known.
    pub longest: Option<Since>,
    /// Live cgroups below them, with the memory controller or without; `None` if that of one is not
    /// known.
    pub live_below: Option<u64>,
    /// Live memcgs of the same parent and shape that have tasks.
    pub with_tasks: u64,
    /// The one that was made first.
    pub oldest: Arc<MemcgId>,
    /// The one to which most is charged.
    pub largest: Largest,
    /// All of it in one line, fit for a terminal.
    pub sentence: String,
    /// What would free the largest of them, in order; only of class `Abandoned`.
    pub commands: Vec<String>,
}

/// The empty cgroups of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Empties {
    /// In groups: the abandoned ones first, then the largest.
    pub groups: Vec<Empty>,
    /// The number of live memory cgroups without tasks; `None` where that is not known of all.
    pub empty: Option<u64>,
    /// The number of abandoned ones; `None` where it was not looked at, or not at all.
    pub abandoned: Option<u64>,
}
