//! Tasks that wait for each other's locks.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::{cgroup, memory};

/// Two writers of one log file: each holds the inode's lock while half a megabyte is copied.
pub fn append() -> Result<()> {
    let path = format!("{}/log", memory::folder()?);
    let write = || -> io::Result<()> {
        let text = vec![b'x'; 512 << 10];
        loop {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            for _ in 0..2 {
                file.write_all(&text)?;
            }
            file.set_len(0)?;
            thread::sleep(Duration::from_millis(500));
        }
    };
    both(write)
}

/// Two writers and a slow reader on one pipe.
pub fn pipe() -> Result<()> {
    let (mut reader, writer) = io::pipe().context("make a pipe")?;
    thread::spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(1..) = reader.read(&mut buffer) {
            thread::sleep(Duration::from_millis(2));
        }
    });
    both(|| {
        let text = vec![b'x'; 32 << 10];
        loop {
            (&writer).write_all(&text)?;
            thread::sleep(Duration::from_millis(100));
        }
    })
}

/// Makes and removes cgroups as when pods start and stop; other tasks that do so wait for
/// `cgroup_mutex` meanwhile.
pub fn pods() -> Result<()> {
    let parent = "kubepods.slice";
    cgroup::make(&format!("{parent}/pod-0"))?;
    let mut number = 0;
    loop {
        for _ in 0..8 {
            number += 1;
            let pod = format!("{parent}/pod-{}-{number}", std::process::id());
            cgroup::make_leaf(&pod)?;
            cgroup::remove(&pod)?;
        }
        thread::sleep(Duration::from_millis(400));
    }
}

fn both(work: impl Fn() -> io::Result<()> + Sync) -> Result<()> {
    thread::scope(|scope| {
        let first = scope.spawn(&work);
        let second = work();
        let first = first.join().unwrap_or(Ok(()));
        first.and(second).context("write")
    })
}
