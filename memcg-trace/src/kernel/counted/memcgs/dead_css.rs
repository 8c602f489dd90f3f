//! A dead memcg, by which later looks find it again.

/// A memory cgroup that is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeadCss {
    /// Address of its css, which is that of its memcg.
    pub(crate) css: u64,
    /// The serial number, which is never used again.
    pub(crate) serial_nr: u64,
}
