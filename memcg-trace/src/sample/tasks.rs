//! Tasks, as waits and holds of locks name them.

use serde::{Deserialize, Serialize};

use super::Text;

/// A task, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Task {
    /// Process id; `None` where only the thread is known.
    pub pid: Option<u32>,
    /// Thread id.
    pub tid: u32,
    /// Its name.
    pub comm: Text,
    /// When it was started, CLOCK_MONOTONIC.
    pub start_ns: Option<u64>,
    /// Its memcg.
    pub memcg_serial_nr: Option<u64>,
}
