//! The guest: its cgroups, its clock, and figures of its processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};

const ROOT: &str = "/sys/fs/cgroup";
/// Siblings in each group of the thousand cgroups.
const SIBLINGS: usize = 50;

/// CLOCK_MONOTONIC: instructions of the only CPU, without those of its idle loop.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).unwrap_or(0)
}

/// Lets the kernel do deferred work: RCU callbacks, freeing of programs.
pub fn settle() {
    thread::sleep(Duration::from_millis(200));
}

/// A cgroup with its descendants, removed on drop unless processes are left in it.
pub struct Cgroup(PathBuf);

impl Cgroup {
    pub fn new(name: &str) -> Result<Self> {
        Self::at(Path::new(ROOT).join(name))
    }

    fn at(path: PathBuf) -> Result<Self> {
        fs::create_dir(&path).with_context(|| format!("make the cgroup {}", path.display()))?;
        Ok(Self(path))
    }

    /// Makes a child cgroup that is not removed by itself.
    pub fn child(&self, name: &str) -> Result<PathBuf> {
        Ok(Self::at(self.0.join(name))?.keep())
    }

    /// Enables the memory controller for the children.
    pub fn divide(&self) -> Result<()> {
        divide(&self.0)
    }

    /// Moves this process into the cgroup.
    pub fn join(&self) -> Result<()> {
        join(&self.0)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if self.0.as_os_str().is_empty() {
            return;
        }
        // Remaining cgroups do no harm, and the guest is about to end.
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let _ = fs::remove_dir(entry.path());
        }
        let _ = fs::remove_dir(&self.0);
    }
}

/// Moves this process back to the root.
pub fn leave() -> Result<()> {
    join(Path::new(ROOT))
}

/// Moves this process to a cgroup.
pub fn join(cgroup: &Path) -> Result<()> {
    fs::write(cgroup.join("cgroup.procs"), "0")
        .with_context(|| format!("join the cgroup {}", cgroup.display()))
}

fn divide(cgroup: &Path) -> Result<()> {
    fs::write(cgroup.join("cgroup.subtree_control"), "+memory")
        .with_context(|| format!("divide the cgroup {}", cgroup.display()))
}

/// A tree of `count` memory cgroups below the root, besides the existing ones.
pub fn many(count: usize) -> Result<Cgroup> {
    let top = Cgroup::new("many")?;
    top.divide()?;
    let mut parent = PathBuf::new();
    for made in 0..count - 1 {
        if made % SIBLINGS == 0 {
            parent = top.child(&format!("slice{made}"))?;
            divide(&parent)?;
        } else {
            Cgroup::at(parent.join(format!("some.service{made}")))?.keep();
        }
    }
    Ok(top)
}

/// Processor time of a process in nanoseconds, with all its threads.
pub fn cpu_ns(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path().join("schedstat");
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let ran = text.split_ascii_whitespace().next().unwrap_or_default();
        sum += ran.parse::<u64>().context("the first word of schedstat")?;
    }
    Ok(sum)
}

/// A figure of `/proc/PID/status` in kB, such as `VmHWM`.
pub fn status_bytes(pid: &str, key: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .with_context(|| format!("no {key} in {path}"))?;
    Ok(value.trim().parse::<u64>()? * 1024)
}
