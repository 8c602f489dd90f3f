//! Files that loop devices are backed by: below a file system, and below other devices.

use std::fs;

use serde_json::{Value, json};

use super::fixture::Fixture;
use super::held_files::{of_file, succeeds, write};
use crate::contract::Document;
use crate::host::{Cgroup, Folder, reparents_pages};
use crate::suspend::Device;
use crate::tool;

const LOOP: &str = "/dev/loop1";
/// Another one, below a device.
const LOWER: &str = "/dev/loop2";

/// A disk image in tmpfs that was made in a job, with a file system that is mounted from it.
pub fn mounted(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("loop-device");
    let (name, mounted) = (folder.file("disk"), folder.file("mounted"));
    drop(write(&cgroup, &name));
    cgroup.remove();
    succeeds(&["losetup", LOOP, &name]);
    succeeds(&["mke2fs", "-q", LOOP]);
    fs::create_dir(&mounted).unwrap();
    succeeds(&["mount", "-t", "ext4", LOOP, &mounted]);
    Fixture {
        holders: vec![json!({
            "object": "file", "path": name, "how": "loop", "name": LOOP, "pid": null,
        })],
        advice: vec![
            ("unmount", vec![mounted.clone()]),
            ("detach_loop", vec![LOOP.to_owned()]),
            ("remove_file", vec![name.clone()]),
        ],
        follow: Box::new(move || {
            succeeds(&["umount", &mounted]);
            succeeds(&["losetup", "-d", LOOP]);
            fs::remove_file(name).unwrap();
        }),
        ..of_file(&cgroup)
    }
}

/// A disk image below a loop device, which is below a device of device-mapper that is mounted.
pub fn below_another(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("stacked-device");
    let (name, mounted) = (folder.file("lowest"), folder.file("mounted-above"));
    drop(write(&cgroup, &name));
    cgroup.remove();
    succeeds(&["losetup", LOWER, &name]);
    let device = Device::over(LOWER, "stacked");
    let path = device.path.display().to_string();
    succeeds(&["mke2fs", "-q", &path]);
    fs::create_dir(&mounted).unwrap();
    succeeds(&["mount", "-t", "ext4", &path, &mounted]);
    Fixture {
        holders: vec![json!({
            "object": "file", "path": name, "how": "loop", "name": LOWER, "pid": null,
        })],
        advice: vec![
            ("unmount", vec![mounted.clone()]),
            ("remove_device", vec!["/dev/mapper/stacked".to_owned()]),
            ("detach_loop", vec![LOWER.to_owned()]),
            ("remove_file", vec![name.clone()]),
        ],
        follow: Box::new(move || {
            succeeds(&["umount", &mounted]);
            drop(device);
            succeeds(&["losetup", "-d", LOWER]);
            fs::remove_file(name).unwrap();
        }),
        ..of_file(&cgroup)
    }
}

/// With the loop devices hidden, a reference is missing: the output says so, and no removal is
/// advised.
#[test]
fn a_loop_device_that_is_hidden() {
    if reparents_pages() {
        return;
    }
    let (parent, folder) = (Cgroup::new("hidden"), Folder::new("hidden"));
    let cgroup = parent.child("loop-device");
    let name = folder.file("disk");
    drop(write(&cgroup, &name));
    cgroup.remove();
    succeeds(&["losetup", LOOP, &name]);
    let hide = "sed /loop_index_idr/d /proc/kallsyms > /tmp/hidden/k && \
                mount --bind /tmp/hidden/k /proc/kallsyms";
    let output = tool::hidden(hide, &["pins", "--json", &cgroup.path()]);
    let document = Document::parse(tool::stdout(&output));
    let item = &document.items[0];
    println!("{}", item["sentence"]);
    let pins = item["pins"].as_array().unwrap();
    let shmem = pins.iter().find(|pin| pin["kind"] == "page_shmem").unwrap();
    let held = &shmem["holders"][0]["held"];
    assert!(held["found"].as_u64() < held["refs"].as_u64(), "{held}");
    let not_checked = held["not_checked"].as_array().unwrap();
    let says = |part: &str| {
        not_checked
            .iter()
            .any(|one| one.as_str().unwrap().contains(part))
    };
    assert!(says("loop devices: "), "{held}");
    let sentence = item["sentence"].as_str().unwrap();
    assert!(!sentence.contains("nobody"), "{sentence}");
    let advice = item["advice"].as_array().unwrap();
    assert!(
        advice.iter().all(|one| one["action"] != "remove_file"),
        "{advice:?}"
    );
    succeeds(&["losetup", "-d", LOOP]);
    fs::remove_file(name).unwrap();
}

/// With the list of devices above it hidden, the loop device counts a user that is not known: it
/// would be no help to detach it.
#[test]
fn a_device_above_a_loop_device_that_is_hidden() {
    if reparents_pages() {
        return;
    }
    let (parent, folder) = (Cgroup::new("below"), Folder::new("below"));
    let cgroup = parent.child("loop-device");
    let name = folder.file("disk");
    drop(write(&cgroup, &name));
    cgroup.remove();
    succeeds(&["losetup", LOOP, &name]);
    let device = Device::over(LOOP, "above");
    let hide = "mount -t tmpfs none /sys/block/loop1/holders";
    let output = tool::hidden(hide, &["pins", "--json", &cgroup.path()]);
    let document = Document::parse(tool::stdout(&output));
    let item = &document.items[0];
    let sentence = item["sentence"].as_str().unwrap();
    let unknown = "used by 1 user of /dev/loop1 that is not known";
    assert!(sentence.contains(unknown), "{sentence}");
    let advice = item["advice"].as_array().unwrap();
    let is_harm = |one: &Value| one["action"] == "detach_loop" || one["action"] == "remove_file";
    assert!(!advice.iter().any(is_harm), "{advice:?}");
    drop(device);
    succeeds(&["losetup", "-d", LOOP]);
    fs::remove_file(name).unwrap();
}
