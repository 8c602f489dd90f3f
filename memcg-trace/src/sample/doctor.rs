//! The report of `doctor` about a host: facts, and the hooks that serve each subject.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

/// The whole report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doctor {
    /// The verdict on this host.
    pub verdict: Verdict,
    /// The facts.
    pub facts: Vec<Fact>,
    /// The hooks that would be attached.
    pub hooks: Vec<Hook>,
}

/// The verdict on a host: what can be observed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    /// All subjects.
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
    /// The value, for a person.
    pub value: String,
    /// Whether the value is as it should be; `None` if that is not known, as for a kernel that only
    /// its files describe.
    pub ok: Option<bool>,
    /// The consequence if it is not; empty if there is none.
    pub costs: String,
    /// The fix for the user; empty if there is none.
    pub fix: String,
}

/// One thing to observe, and the chosen variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The observed thing, such as `slab_alloc`.
    pub fact: String,
    /// The variant that serves, such as `tracepoint:kmem_cache_alloc`; `None` if none does.
    pub chosen: Option<String>,
    /// The variants in order of preference.
    pub tried: Vec<Tried>,
    /// The events that the chosen variant does not see; `None` if it sees all.
    #[serde(default)]
    pub blind_to: Option<String>,
}

/// A variant of a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Its name.
    pub variant: String,
    /// The reason why it does not serve; `None` if it does, or if one before it already served.
    pub error: Option<String>,
}
