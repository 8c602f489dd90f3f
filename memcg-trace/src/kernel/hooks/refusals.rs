//! What the kernel refused in a trial.

/// Refusals and their reasons; `None` for what was permitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// The creation of all maps, and the load of a program.
    pub programs: Option<String>,
    /// A program on a tracepoint.
    pub tracepoint: Option<String>,
    /// A program on a function.
    pub kprobe: Option<String>,
}
