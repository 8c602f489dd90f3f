//! Names of containers and pods, as the state files of their runtimes told them.

use serde::{Deserialize, Serialize};

use super::Text;

/// The names that were found at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StateFiles {
    /// The start of reading, CLOCK_MONOTONIC.
    pub begin_ns: u64,
    /// Its end, CLOCK_MONOTONIC.
    pub end_ns: u64,
    /// Containers, by id.
    pub containers: Vec<NamedContainer>,
    /// Pods, by uid.
    pub pods: Vec<NamedPod>,
    /// What could not be read, and why, a line each: then names may be missing.
    pub not_read: Vec<String>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct NamedContainer {
    /// Its id.
    pub id: Text,
    /// Its name.
    pub name: Option<Text>,
    /// Its pod.
    pub pod: Option<NamedPod>,
}

/// A pod of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct NamedPod {
    /// Its uid, or what the kubelet calls so in names of cgroups; empty if the file does not tell.
    pub uid: Text,
    /// Its name.
    pub name: Text,
    /// Its namespace.
    pub namespace: Text,
}
