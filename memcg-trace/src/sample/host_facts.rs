//! What a bug report says of a host, beyond its name and its kernel's release.

use serde::{Deserialize, Serialize};

use super::Text;

/// The kernel as it was built and started, and settings that decide which bugs it can have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostFacts {
    /// The build of the kernel (`uname -v`).
    pub version: Text,
    /// The architecture (`uname -m`).
    pub machine: Text,
    /// `/proc/cmdline`; `None` if it could not be read.
    pub cmdline: Option<Text>,
    /// `/proc/sys/kernel/tainted`: a bit a reason; `None` if it could not be read.
    pub taint: Option<u64>,
    /// Possible CPUs.
    pub cpus: Option<u32>,
    /// Whether the memory controller is in a hierarchy of version 1; `None` if that is not known.
    pub is_cgroup_v1: Option<bool>,
    /// Other settings, those that the host has.
    pub settings: Vec<Setting>,
}

/// A setting of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// Its name, such as `kernel.core_pattern`.
    pub name: String,
    /// Its value.
    pub value: Text,
}
