//! Memory that is held, churned and reclaimed.

use std::fs::{self, File};
use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Entries read before a pause: all workloads share one emulated CPU.
const BATCH: usize = 100;
const PAUSE: Duration = Duration::from_millis(30);

/// Makes a folder of this process's own.
pub fn folder() -> Result<String> {
    let folder = format!("/tmp/demo-{}", std::process::id());
    fs::create_dir_all(&folder).with_context(|| format!("make {folder}"))?;
    Ok(folder)
}

/// Holds some memory and some files, and sleeps.
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

/// Makes and removes files: inodes and dentries, allocated and freed.
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

/// Reads the metadata of every file of /sys and /proc like a backup does. Their inodes and dentries
/// do not fit below `memory.high`, so the shrinkers of both file systems have to free some again
/// and again.
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
    // Processes end during the scan.
    let Ok(entries) = folder.read_dir() else {
        return;
    };
    for entry in entries.flatten() {
        *seen += 1;
        if seen.is_multiple_of(BATCH) {
            thread::sleep(PAUSE);
        }
        // Only the inode is needed. Links are not followed, since /sys has circles of links.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        // Other mounted file systems are not scanned, and cgroups block on their lock.
        if metadata.is_dir() && !entry.path().starts_with("/sys/fs/cgroup") {
            scan_folder(&entry.path(), seen);
        }
    }
}

/// Drops caches now and then, like the crontab of some administrators.
pub fn drop_caches() -> Result<()> {
    loop {
        thread::sleep(Duration::from_secs(15));
        fs::write("/proc/sys/vm/drop_caches", "2").context("drop caches")?;
    }
}
