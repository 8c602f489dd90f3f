//! Waiters behind a holder that the kernel itself blocks for now.

use std::fs::File;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::coredump::stack;
use crate::disk;
use crate::host::{Folder, Process, eventually};
use crate::suspend::Device;
use crate::tool;

fn run(command: &str) {
    let status = Command::new("/bin/sh").args(["-c", command]).status();
    assert!(status.unwrap().success(), "{command}");
}

/// Starts a command that stops in the kernel.
fn start(command: &str) -> Process {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("exec {command}")]);
    Process(shell.stdin(Stdio::null()).spawn().unwrap())
}

/// Waits until a task sleeps in the kernel, in a function whose name has one of these parts.
fn stops(process: &Process, parts: &[&str]) {
    eventually("a task that stops", || {
        let stack = stack(process.0.id());
        if parts.iter().any(|part| stack.contains(part)) {
            Ok(())
        } else {
            Err(stack)
        }
    });
}

/// Resumes a device, also if a test fails: nothing else ends the waits for it.
struct Suspended<'a>(&'a Device);

impl Drop for Suspended<'_> {
    fn drop(&mut self) {
        self.0.resume();
    }
}

/// A file system on a disk of its own, which is frozen until this is dropped.
struct Frozen<'a> {
    path: &'a str,
    disk: String,
}

impl<'a> Frozen<'a> {
    fn at(path: &'a str) -> Self {
        let disk = disk::unused();
        disk::format(&disk, &[]);
        run(&format!(
            "mount -t ext4 {disk} {path} && fsfreeze --freeze {path}"
        ));
        Self { path, disk }
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        run(&format!("fsfreeze --unfreeze {}", self.path));
    }
}

/// A task that makes a file in a directory has its lock, and reads the directory from a device that
/// does not answer. A task that makes one in a frozen file system waits for no known task.
#[test]
fn behind_a_suspended_device_and_a_frozen_file_system() {
    let other_folder = Folder::new("frozen");
    let other_path = other_folder.path();
    let frozen = Frozen::at(other_path);
    let frozen_disk = frozen.disk.trim_start_matches("/dev/").to_owned();
    let writer = start(&format!("mkdir {other_path}/made"));
    stops(&writer, &["mnt_want_write", "percpu_rwsem_wait"]);
    let folder = Folder::new("stuck");
    let path = folder.path();
    let disk = disk::unused();
    disk::format(&disk, &[]);
    let device = Device::over(&disk, "slow");
    let mount = format!("mount -t ext4 {} {path}", device.path.display());
    run(&mount);
    let directory = folder.file("directory");
    run(&format!("mkdir {directory} && touch {directory}/a && sync"));
    // Mounted again: the directory is cached, and its entries are not.
    run(&format!("umount {path} && {mount}"));
    let opened = File::open(&directory).unwrap();
    let mut processes = Vec::new();
    let suspended = Suspended(&device);
    device.suspend();
    processes.push(start(&format!("sh -c 'exec >{directory}/b'")));
    stops(
        &processes[0],
        &["bread", "find_entry", "wait_on_buffer", "bit_wait"],
    );
    processes.push(start(&format!("mkdir {directory}/c")));
    stops(&processes[1], &["mkdir"]);
    let output = tool::run(&["locks", "--json", "--min-wait", "10ms"]);
    drop(suspended);
    drop(frozen);
    let holder = processes[0].0.id();
    processes.push(writer);
    for mut process in processes {
        assert!(process.0.wait().unwrap().success());
    }
    drop(opened);
    run(&format!("umount {path} {other_path}"));

    let document: Value = serde_json::from_str(tool::stdout(&output)).unwrap();
    let items = document["data"]["items"].as_array().unwrap();
    let convoys: Vec<_> = items
        .iter()
        .filter(|item| item.get("verdict").is_some())
        .collect();
    println!("{convoys:#?}");
    let convoy = convoys.iter().find(|one| one["root"]["tid"] == holder);
    let convoy = convoy.unwrap_or_else(|| panic!("{items:#?}"));
    assert_eq!(convoy["verdict"], "stuck_holder");
    assert_eq!(convoy["waiters"], 1);
    assert_eq!(convoy["resource"]["name"], "inode.i_rwsem");
    let why = |convoy: &Value| convoy["why"].as_str().unwrap().to_owned();
    assert!(why(convoy).contains("waits for a device"));
    let mut frozen = convoys.iter().filter(|one| one["root"].is_null());
    let convoy = frozen.next().unwrap_or_else(|| panic!("{items:#?}"));
    assert_eq!(convoy["verdict"], "stuck_holder");
    assert_eq!(
        why(convoy),
        format!("ext4 on {frozen_disk} is frozen by fsfreeze or the like")
    );
    let name = convoy["resource"]["name"].as_str().unwrap();
    assert!(name.contains("SB_FREEZE_WRITE"), "{name}");
    assert_eq!(convoy["waiters"], 1);
}
