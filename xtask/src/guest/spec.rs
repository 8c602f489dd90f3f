//! The description of a guest.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use memcg_trace_guest::{Cgroup, Terminal};

use super::monitor::Dump;
use super::pace::Pace;
use crate::kernel::Kernel;

/// A file that is a guest's disk.
#[derive(Clone, Debug)]
pub struct Disk {
    pub path: PathBuf,
    /// Whether writes of the guest are kept.
    pub keep: bool,
}

/// A kernel, what the guest has beside it, and the command that it runs.
#[derive(Clone, Debug)]
pub struct Spec {
    pub kernel: Kernel,
    pub memory: String,
    pub cpus: u32,
    /// Additions to the kernel's command line.
    pub append: Vec<String>,
    /// The file for the memory of the guest when its command has ended. Other processes then still
    /// run.
    pub dump: Option<Dump>,
    /// Additional arguments for QEMU.
    pub qemu: Vec<String>,
    /// Files for `/bin`.
    pub copies: Vec<PathBuf>,
    /// Modules to load.
    pub modules: Vec<String>,
    pub cgroup: Cgroup,
    /// Timeout since the start, or since the last step.
    pub timeout: Option<Duration>,
    pub pace: Pace,
    /// A disk, `/dev/vda` in the guest.
    pub disk: Option<Disk>,
    /// Boot the system on the disk, with its own init; the command is then a service of that init.
    pub boots_disk: bool,
    /// The terminal to lend to the command.
    pub terminal: Option<Terminal>,
    /// Show the console.
    pub verbose: bool,
    /// A file to which the console is appended as well.
    pub console: Option<PathBuf>,
    pub command: Vec<OsString>,
}

impl Spec {
    /// A guest with the usual settings.
    pub fn new(kernel: Kernel, command: Vec<OsString>) -> Self {
        Self {
            kernel,
            memory: "1G".into(),
            cpus: 2,
            append: Vec::new(),
            dump: None,
            qemu: Vec::new(),
            copies: Vec::new(),
            modules: Vec::new(),
            cgroup: Cgroup::V2,
            timeout: None,
            pace: Pace::default(),
            disk: None,
            boots_disk: false,
            terminal: None,
            verbose: false,
            console: None,
            command,
        }
    }
}
