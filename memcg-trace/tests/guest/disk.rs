//! RAM disks.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of disks that the kernel's module makes by default.
const DISKS: u32 = 16;

/// A RAM disk of 16 MiB that no test has used: a disk that a failed test left busy affects no
/// other.
pub fn unused() -> String {
    static LEFT: AtomicU32 = AtomicU32::new(DISKS);
    let left = LEFT.fetch_sub(1, Ordering::SeqCst);
    assert!((1..=DISKS).contains(&left), "there are {DISKS} RAM disks");
    format!("/dev/ram{}", left - 1)
}

/// Makes an ext2 file system, with further arguments for mke2fs.
pub fn format(disk: impl AsRef<Path>, arguments: &[&str]) {
    let mut command = Command::new("mke2fs");
    command.arg("-q").args(arguments).arg(disk.as_ref());
    assert!(command.status().unwrap().success());
}
