//! The requested cgroup hierarchy.

use std::fs;

use anyhow::{Context, Result};
use memcg_trace_guest::Cgroup;

use crate::mounts::mount_one;

const ROOT: &str = "/sys/fs/cgroup";

pub fn mount(cgroup: Cgroup) -> Result<()> {
    match cgroup {
        Cgroup::V2 => {
            mount_one("cgroup2", ROOT, "")?;
            enable_controllers()
        }
        Cgroup::V1 => {
            mount_one("tmpfs", ROOT, "")?;
            mount_one("cgroup", &format!("{ROOT}/memory"), "memory")
                .context("this kernel may be built without the v1 memory controller")
        }
    }
}

/// One write for each controller: an unavailable controller must not fail the others.
#[expect(
    clippy::print_stderr,
    reason = "standard error is the console, read by people"
)]
fn enable_controllers() -> Result<()> {
    let offered = format!("{ROOT}/cgroup.controllers");
    let offered = fs::read_to_string(&offered).with_context(|| format!("read {offered}"))?;
    for controller in offered.split_whitespace() {
        let change = fs::write(
            format!("{ROOT}/cgroup.subtree_control"),
            format!("+{controller}"),
        );
        if let Err(error) = change {
            eprintln!("init: enable controller {controller}: {error}");
        }
    }
    Ok(())
}
