//! Reparentings and findings of the run.

use std::sync::Arc;

use strum::{IntoStaticStr, VariantNames};

use super::MemcgId;
use crate::sample::Text;

/// A reparenting: the objects and pages that a memcg left to an ancestor when it went offline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reparent {
    /// Its number, from 1.
    pub number: u64,
    /// When it went offline, CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// The memcg that went offline.
    pub memcg: Arc<MemcgId>,
    /// The nearest ancestor that lived; `None` if that is not known.
    pub to: Option<Arc<MemcgId>>,
    /// Slab objects that were charged to it; `None` unless all of them were counted.
    pub slab_objects: Option<u64>,
    /// The bytes of these objects.
    pub slab_bytes: Option<u64>,
    /// Pages of its LRU lists; 0 where the kernel does not move them.
    pub lru_pages: Option<u64>,
}

impl Reparent {
    /// Returns whether anything is known to have moved to the ancestor.
    #[must_use]
    pub fn moved(&self) -> bool {
        self.slab_objects.unwrap_or(0) > 0 || self.lru_pages.unwrap_or(0) > 0
    }
}

/// The kind of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum FindingKind {
    /// Removed cgroups stay in memory, and their number grows.
    ZombieGrowth,
    /// A cache is scanned far more than its share while pressure is light.
    SmallCacheOverScan,
    /// A shrinker scans much, and frees next to nothing.
    FruitlessScanning,
    /// Reclaim is stuck in one shrinker.
    BlockedShrinker,
    /// Slab and pages are taken out of proportion to their sizes.
    LopsidedReclaim,
    /// The memory of a memcg collapses and refills, over and over.
    Sawtooth,
    /// Reclaim spends its time on dead memcgs.
    DeadWeight,
    /// A memcg comes near its `memory.high`.
    NearHigh,
    /// The OOM killer killed a process.
    Oom,
}

impl FindingKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::ZombieGrowth,
        Self::SmallCacheOverScan,
        Self::FruitlessScanning,
        Self::BlockedShrinker,
        Self::LopsidedReclaim,
        Self::Sawtooth,
        Self::DeadWeight,
        Self::NearHigh,
        Self::Oom,
    ];

    /// Returns the name in records and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it some time.
    Warn,
    /// Look at it now.
    Critical,
}

impl Severity {
    /// Returns the name in records and on the screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The figures of growth, since it began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Growth {
    /// Dead memcgs of this origin that stay, as of now.
    pub survivors: u64,
    /// Dead memcgs that have come to stay.
    pub grown: u64,
    /// Dead memcgs that stayed and have gone since.
    pub gone: u64,
    /// Memcgs made; `None` without events.
    pub births: Option<u64>,
    /// Memcgs taken offline; `None` without events.
    pub deaths: Option<u64>,
    /// `grown` a second; `None` where there is no time to divide by.
    pub grown_per_sec: Option<f64>,
    /// Memory of the kernel that the survivors take by themselves, where known.
    pub own_cost_bytes: Option<u64>,
    /// The process that made the last one, if that was seen.
    pub creator_comm: Option<Text>,
}

/// The figures of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Figures {
    /// The figures of [`FindingKind::ZombieGrowth`].
    Growth(Growth),
    /// The figures of all other kinds, each under its name.
    Named(Vec<(&'static str, Figure)>),
}

/// One named figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Not known.
    Unknown,
    /// A number in the unit that its name says.
    Count(u64),
    /// A text that is fit for a terminal.
    Text(String),
    /// Texts that are fit for a terminal.
    Texts(Vec<String>),
}

impl Finding {
    /// Returns the figures of growth.
    #[must_use]
    pub fn growth(&self) -> Option<&Growth> {
        match &self.figures {
            Figures::Growth(growth) => Some(growth),
            Figures::Named(_) => None,
        }
    }

    /// Returns one of the named figures.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        match &self.figures {
            Figures::Growth(_) => None,
            Figures::Named(all) => all.iter().find(|(one, _)| *one == name).map(|(_, one)| one),
        }
    }
}

/// Something that a person should look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Counts the findings of the run, from 1.
    pub number: u64,
    /// Grows with every change that is worth a record, over all findings.
    pub revision: u64,
    /// Its kind.
    pub kind: FindingKind,
    /// Its severity.
    pub severity: Severity,
    /// The memcg below which it is; `None` where it is about a creator.
    pub memcg: Option<Arc<MemcgId>>,
    /// The finding in a sentence that is fit for a terminal.
    pub sentence: String,
    /// The figures.
    pub figures: Figures,
    /// When it began, CLOCK_MONOTONIC.
    pub first_ns: u64,
    /// When it was last seen in progress.
    pub last_ns: u64,
    /// Whether it has stopped.
    pub resolved: bool,
}
