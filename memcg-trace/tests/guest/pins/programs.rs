//! Programs whose pages pin: the process that runs one has its file open, and maps it.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use super::fixture::{Fixture, Refs};
use super::pages::of_pages;
use crate::host::{Cgroup, Folder, Process};

/// Least pages of busybox.
const PAGES: u64 = 100;

/// A program in tmpfs that was copied there in a job.
pub fn that_runs(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("program");
    let name = folder.file("busybox");
    cgroup.inside(|| fs::copy("/bin/busybox", &name).unwrap());
    let mut sleep = Command::new(&name);
    let sleep = sleep.args(["sleep", "1000000"]).stdin(Stdio::null());
    let process = Process(sleep.spawn().unwrap());
    cgroup.remove();
    let pid = process.0.id();
    let holder = |how: &str| json!({"object": "file", "path": name, "how": how, "pid": pid});
    Fixture {
        refs: Refs::AtLeast(PAGES),
        holders: vec![holder("runs"), holder("mapped")],
        advice: vec![
            ("restart_process", vec![format!("[{pid}]")]),
            ("remove_file", vec![name.clone()]),
        ],
        follow: Box::new(move || {
            drop(process);
            fs::remove_file(name).unwrap();
        }),
        ..of_pages(cgroup.path(), "page_shmem", PAGES)
    }
}
