//! The processes of the demo, which are this program again.

use std::env;
use std::ffi::CString;
use std::process::{Child, Command};

use anyhow::{Context, Result};

/// Runs this program again as one workload.
pub fn start(workload: &str, cgroup: &str) -> Result<Child> {
    let ourselves = env::current_exe().context("find this program")?;
    Command::new(ourselves)
        .args([workload, cgroup])
        .spawn()
        .context("start a workload")
}

/// Names this process after its cgroup: holders are shown by process name.
pub fn take_name_of(cgroup: &str) -> Result<()> {
    let leaf = cgroup.rsplit('/').next().unwrap_or(cgroup);
    let name = leaf.split_once('.').map_or(leaf, |(name, _)| name);
    let name = CString::new(name).context("a cgroup's name with a zero in it")?;
    rustix::thread::set_name(&name).context("set the process's name")
}
