//! Memory that is held, churned and reclaimed.

use std::fs::{self, File};
use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Entries looked at before a pause: the guest has one emulated CPU's worth of time for all.
const BATCH: usize = 100;
const PAUSE: Duration = Duration::from_millis(30);

/// A folder of this process's own.
pub fn folder() -> Result<String> {
    let folder = format!("/tmp/demo-{}", std::process::id());
    fs::create_dir_all(&folder).with_context(|| format!("make {folder}"))?;
    Ok(folder)
}

/// Some memory and some files, and quiet.
pub fn hold() -> Result<()> {
    let memory = vec![1_u8; 8 << 20];
    let folder = folder()?;
    for number in 0..300 {
        fs::write(format!("{folder}/{number}"), "data")?;
    }
    loop {
        black_box(&memory);
        thread::sleep(Duration::from_secs(60));
    }
}

/// Files that come and go: inodes and dentries, allocated and freed.
pub fn churn() -> Result<()> {
    let folder = folder()?;
    loop {
        for number in 0..BATCH {
            File::create(format!("{folder}/{number}"))?;
        }
        for number in 0..BATCH {
            let path = format!("{folder}/{number}");
            fs::metadata(&path)?;
            fs::remove_file(&path)?;
        }
        thread::sleep(PAUSE * 10);
    }
}

/// Looks at every file of /sys and /proc like a backup does. Their inodes and dentries do not fit
/// below `memory.high`, so the shrinkers of both file systems have to make room again and again.
pub fn scan() -> Result<()> {
    loop {
        let mut seen = 0;
        for root in ["/sys", "/proc"] {
            scan_folder(Path::new(root), &mut seen);
        }
        thread::sleep(PAUSE);
    }
}

fn scan_folder(folder: &Path, seen: &mut usize) {
    // Processes end while we look at them.
    let Ok(entries) = folder.read_dir() else {
        return;
    };
    for entry in entries.flatten() {
        *seen += 1;
        if seen.is_multiple_of(BATCH) {
            thread::sleep(PAUSE);
        }
        // Looking up the inode is the point, and does not follow links, of which /sys has circles.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        // A file system mounted in there is another story, and cgroups block behind their lock.
        if metadata.is_dir() && !entry.path().starts_with("/sys/fs/cgroup") {
            scan_folder(&entry.path(), seen);
        }
    }
}

/// What some administrators have in their crontab.
pub fn drop_caches() -> Result<()> {
    loop {
        thread::sleep(Duration::from_secs(15));
        fs::write("/proc/sys/vm/drop_caches", "2").context("drop caches")?;
    }
}
