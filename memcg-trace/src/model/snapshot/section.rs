//! One kind of figures: where they come from, how old they are, and what they cover.

/// Where the figures of a section come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A walk of kernel memory.
    Walk,
    /// Events counted in the kernel.
    Event,
    /// Nowhere: the section could not be had, and its figures are not known.
    Absent,
}

/// One kind of figures.
#[derive(Clone, Debug)]
pub struct Section<T> {
    /// `memcg`, `slab`, `slab_walk`, `slab_inside`, `inherited`, `shrinker`, `reclaim`, `lock`, `tax`,
    /// `deadlock`, `convoy`, `waits`, `pins`, `reparent`, `finding`.
    pub name: &'static str,
    /// Where it comes from.
    pub source: Source,
    /// When it was read, CLOCK_MONOTONIC; `None` if it never was.
    pub as_of_ns: Option<u64>,
    /// Time that reading took.
    pub took_ns: Option<u64>,
    /// Things looked at.
    pub visited: Option<u64>,
    /// Set where a bound stopped it after so many things.
    pub truncated_at: Option<u64>,
    /// Why it is absent.
    pub reason: Option<String>,
    /// The figures.
    pub items: Vec<T>,
}

impl<T> Section<T> {
    /// A section that has not been read so far.
    #[must_use]
    pub fn unread(name: &'static str) -> Self {
        Self::absent(name, "not read yet")
    }

    /// A section that cannot be had.
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

    /// Whether there are figures, be they none at all.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.source != Source::Absent
    }

    /// Its name and why it cannot be had; `None` if it can.
    #[must_use]
    pub fn absence(&self) -> Option<(&'static str, &str)> {
        Some((self.name, self.reason.as_deref()?))
    }

    /// The same section with other items.
    #[must_use]
    pub fn with_items(&self, items: Vec<T>) -> Self {
        Self {
            items,
            reason: self.reason.clone(),
            ..*self
        }
    }
}
