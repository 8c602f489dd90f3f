//! Incidents: why a black box wrote a recording, and what became of that.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::Text;

/// The kind of an incident.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// The OOM killer killed a process.
    Oom,
    /// A deadlock was proven.
    Deadlock,
    /// A critical finding of another kind.
    Finding,
    /// A kind that this version does not know.
    #[default]
    #[serde(other)]
    Other,
}

impl Cause {
    /// Returns the name in records and in the names of files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An incident, in the header of its recording.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Incident {
    /// The kind.
    pub cause: Cause,
    /// The kind of its finding; `None` for a deadlock.
    pub finding: Option<String>,
    /// The id of the finding or of the cycle, as in their records.
    pub id: String,
    /// Path of the memory cgroup that it is about.
    pub path: Option<Text>,
    /// The sentence that says what happened.
    pub sentence: String,
    /// The time of the first sample that has it, CLOCK_MONOTONIC.
    pub mono_ns: u64,
    /// The same moment, nanoseconds since 1970.
    pub unix_ns: i64,
    /// The time that the recording reaches back.
    pub before_ns: u64,
    /// The time that it should reach back.
    pub wanted_before_ns: u64,
    /// The reason why it reaches back less, in one line.
    pub short: Option<String>,
    /// Samples until that moment, with that of the moment.
    pub before_samples: u64,
    /// The time for which the recording should continue.
    pub wanted_after_ns: u64,
}

/// Completeness of a recording of an incident.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Wholeness {
    /// It has all that was to be recorded.
    Whole,
    /// Some program writes it at the moment.
    BeingWritten,
    /// Its end is missing: the program ended or was killed, or there was no room.
    CutOff,
    /// It can be read up to a place that is no sample.
    Damaged,
}

/// A recording of an incident in a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Name of the file.
    pub file: Text,
    /// Name of the host.
    pub host: Text,
    /// The incident.
    pub incident: Incident,
    /// Completeness of the recording.
    pub wholeness: Wholeness,
    /// The fault of it, in one line.
    pub why: Option<String>,
    /// Samples that it has.
    pub samples: u64,
    /// The time from its first sample to the moment; `None` without a sample before that.
    pub before_ns: Option<u64>,
    /// The time from the moment to its last sample; `None` if the moment itself is missing.
    pub after_ns: Option<u64>,
    /// Bytes of the file.
    pub size_bytes: u64,
}

/// A file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRead {
    /// Its name.
    pub file: Text,
    /// The reason in one line.
    pub why: String,
}

/// The recordings of a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Those that could be read, the oldest first.
    pub recordings: Vec<Recorded>,
    /// The others.
    pub not_read: Vec<NotRead>,
    /// Files without the name of a recording of an incident.
    pub other_files: u64,
}
