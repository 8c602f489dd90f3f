//! Sections: one kind of figures with its source, age and coverage.

use strum::{IntoStaticStr, VariantNames};

/// The source of the figures of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Source {
    /// A walk of kernel memory.
    Walk,
    /// Events counted in the kernel.
    Event,
    /// None: the section is absent, and its figures are not known.
    Absent,
}

/// One kind of figures.
#[derive(Clone, Debug)]
pub struct Section<T> {
    /// Its name: `memcg`, `slab`, `slab_walk`, `slab_inside`, `slab_callers`, `inherited`,
    /// `shrinker`, `reclaim`, `lock`, `tax`, `deadlock`, `convoy`, `waits`, `pins`, `reparent`,
    /// `finding`.
    pub name: &'static str,
    /// Its source.
    pub source: Source,
    /// The time at which it was read, CLOCK_MONOTONIC; `None` if it never was.
    pub as_of_ns: Option<u64>,
    /// The time that reading it took.
    pub took_ns: Option<u64>,
    /// The number of things read.
    pub visited: Option<u64>,
    /// The number of things after which a bound stopped the reading, if one did.
    pub truncated_at: Option<u64>,
    /// The reason why it is absent.
    pub reason: Option<String>,
    /// The figures.
    pub items: Vec<T>,
}

impl<T> Section<T> {
    /// Returns a section that has not been read so far.
    #[must_use]
    pub fn unread(name: &'static str) -> Self {
        Self::absent(name, "not read yet")
    }

    /// Returns a section that is absent.
    #[must_use]
    pub fn absent(name: &'static str, reason: &str) -> Self {
        Self {
            name,
            source: Source::Absent,
            as_of_ns: None,
            took_ns: None,
            visited: None,
            truncated_at: None,
            reason: Some(reason.to_owned()),
            items: Vec::new(),
        }
    }

    /// Returns whether the section was read. It may still have no items.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.source != Source::Absent
    }

    /// Returns its name and the reason of its absence; `None` if it is not absent.
    #[must_use]
    pub fn absence(&self) -> Option<(&'static str, &str)> {
        Some((self.name, self.reason.as_deref()?))
    }

    /// Returns the same section with other items.
    #[must_use]
    pub fn with_items(&self, items: Vec<T>) -> Self {
        Self {
            items,
            reason: self.reason.clone(),
            ..*self
        }
    }
}
