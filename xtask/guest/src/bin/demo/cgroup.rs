//! Cgroups by their path below the root.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const ROOT: &str = "/sys/fs/cgroup";

fn path(cgroup: &str) -> PathBuf {
    Path::new(ROOT).join(cgroup)
}

/// Makes a cgroup with the memory controller, and its parents.
pub fn make(cgroup: &str) -> Result<()> {
    let mut parent = String::new();
    for name in cgroup.split('/') {
        if !parent.is_empty() {
            set(&parent, "cgroup.subtree_control", "+memory")?;
            parent.push('/');
        }
        parent.push_str(name);
        make_leaf(&parent)?;
    }
    Ok(())
}

/// Makes a cgroup below an existing one.
pub fn make_leaf(cgroup: &str) -> Result<()> {
    match fs::create_dir(path(cgroup)) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("make cgroup {cgroup}"))
        }
        _ => Ok(()),
    }
}

pub fn remove(cgroup: &str) -> Result<()> {
    fs::remove_dir(path(cgroup)).with_context(|| format!("remove cgroup {cgroup}"))
}

/// Moves this process into a cgroup.
pub fn join(cgroup: &str) -> Result<()> {
    set(cgroup, "cgroup.procs", "0")
}

pub fn set(cgroup: &str, file: &str, value: &str) -> Result<()> {
    let file = path(cgroup).join(file);
    fs::write(&file, value).with_context(|| format!("write {value} to {}", file.display()))
}
