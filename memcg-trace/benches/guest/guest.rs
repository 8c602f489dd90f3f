//! Cgroups of the guest, its clock, and what it knows of processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};

const ROOT: &str = "/sys/fs/cgroup";
/// Of a thousand cgroups this many stand side by side.
const SIBLINGS: usize = 50;

/// CLOCK_MONOTONIC: instructions of the only CPU, without those of its idle loop.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).unwrap_or(0)
}

/// Lets the kernel do what it put off: RCU callbacks, programs to be freed.
pub fn settle() {
    thread::sleep(Duration::from_millis(200));
}

/// A cgroup with what is below it, removed with its last mention if nobody is in it by then.
pub struct Cgroup(PathBuf);

impl Cgroup {
    pub fn new(name: &str) -> Result<Self> {
        Self::at(Path::new(ROOT).join(name))
    }

    fn at(path: PathBuf) -> Result<Self> {
        fs::create_dir(&path).with_context(|| format!("make the cgroup {}", path.display()))?;
        Ok(Self(path))
    }

    /// One below it that is not removed on its own.
    pub fn child(&self, name: &str) -> Result<PathBuf> {
        Ok(Self::at(self.0.join(name))?.keep())
    }

    /// Gives what is below it a memory controller.
    pub fn divide(&self) -> Result<()> {
        divide(&self.0)
    }

    /// Moves this process into it.
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
        // What is left is of no use to anybody, and the guest is about to end.
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

/// Moves this process.
pub fn join(cgroup: &Path) -> Result<()> {
    fs::write(cgroup.join("cgroup.procs"), "0")
        .with_context(|| format!("join the cgroup {}", cgroup.display()))
}

fn divide(cgroup: &Path) -> Result<()> {
    fs::write(cgroup.join("cgroup.subtree_control"), "+memory")
        .with_context(|| format!("divide the cgroup {}", cgroup.display()))
}

/// A tree of `count` memory cgroups below the root, besides those that are there.
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

/// Nanoseconds that a process ran, all of its threads together.
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
