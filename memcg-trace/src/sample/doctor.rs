//! What `doctor` found out about a host: facts, and which hook serves which subject.

use serde::{Deserialize, Serialize};

/// The whole report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doctor {
    /// What can be done here.
    pub verdict: Verdict,
    /// What was found.
    pub facts: Vec<Fact>,
    /// What would be attached.
    pub hooks: Vec<Hook>,
}

/// What can be done on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything.
    Ready,
    /// Some subjects; the facts and hooks that are not ok say what is missing.
    Partial,
    /// Nothing live.
    Unable,
}

/// One thing that tracing depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Its name, snake_case.
    pub name: String,
    /// What was found, for a person.
    pub value: String,
    /// Whether it is as it should be; `None` if that is not known, of a kernel by its files.
    pub ok: Option<bool>,
    /// What is lost if it is not; empty if nothing.
    pub costs: String,
    /// What the user can do about it; empty if nothing.
    pub fix: String,
}

/// One thing to observe, and by which of its variants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// What is observed, such as `slab_alloc`.
    pub fact: String,
    /// The variant that serves, such as `tracepoint:kmem_cache_alloc`; `None` if none does.
    pub chosen: Option<String>,
    /// The variants in order of preference.
    pub tried: Vec<Tried>,
    /// What the one that serves does not see; `None` if it sees everything.
    #[serde(default)]
    pub blind_to: Option<String>,
}

/// A variant of a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Its name.
    pub variant: String,
    /// Why it does not serve; `None` if it does, or if one before it already served.
    pub error: Option<String>,
}
