//! Workloads: one that is heavy on slab, and one for the other subjects.

use std::fs;
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result};
use rustix::fs::{AtFlags, Mode, OFlags, open, openat, statat, unlinkat};

use crate::guest::{self, Cgroup, now_ns};

/// Files in one storm: enough for ten ticks of the clock.
pub const FILES: u32 = 6000;
/// Cgroups that each thread makes and removes in one churn.
const CGROUPS: u32 = 60;
const THREADS: u32 = 3;

/// A directory on a tmpfs, and a cgroup that is charged for it.
pub struct Storm {
    folder: &'static str,
    _cgroup: Cgroup,
}

impl Storm {
    pub fn new() -> Result<Self> {
        let folder = "/tmp/storm";
        fs::create_dir(folder).with_context(|| format!("make {folder}"))?;
        let cgroup = Cgroup::new("storm")?;
        cgroup.join()?;
        let storm = Self {
            folder,
            _cgroup: cgroup,
        };
        // In the first run the kernel makes slabs, and charges for them.
        storm.run()?;
        Ok(storm)
    }

    /// Makes, stats and removes files, one after the other; returns the time in nanoseconds.
    pub fn run(&self) -> Result<u64> {
        guest::settle();
        let folder = open(
            self.folder,
            OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let begin = now_ns();
        for _ in 0..FILES {
            drop(openat(&folder, c"file", flags, Mode::RUSR)?);
            statat(&folder, c"file", AtFlags::empty())?;
            unlinkat(&folder, c"file", AtFlags::empty())?;
        }
        Ok(now_ns() - begin)
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        // The cgroup can be removed only when it is empty; a remaining one does not change the
        // results.
        let _ = guest::leave();
        let _ = fs::remove_dir(self.folder);
    }
}

/// Threads that contend for cgroups, and caches that shrink.
pub fn churn() -> Result<()> {
    let top = Cgroup::new("churn")?;
    top.divide()?;
    thread::scope(|scope| {
        let all: Vec<_> = (0..THREADS)
            .map(|thread| {
                let top = top.path();
                scope.spawn(move || come_and_go(top, thread))
            })
            .collect();
        all.into_iter().try_for_each(|one| match one.join() {
            Ok(result) => result,
            Err(_) => anyhow::bail!("a thread of the churn panicked"),
        })
    })?;
    for _ in 0..3 {
        fs::write("/proc/sys/vm/drop_caches", "2").context("drop caches")?;
    }
    Ok(())
}

fn come_and_go(top: &Path, thread: u32) -> Result<()> {
    for round in 0..CGROUPS {
        let path = top.join(format!("{thread}.{round}"));
        fs::create_dir(&path).with_context(|| format!("make {}", path.display()))?;
        // A mutex and a semaphore are held during this wait.
        fs::write(path.join("cgroup.subtree_control"), "+memory").context("divide")?;
        fs::remove_dir(&path).with_context(|| format!("remove {}", path.display()))?;
    }
    Ok(())
}
