//! Ten thousand zombies: all of them listed, in little memory.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Instant;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::net::AddressFamily;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::memory::peak_bytes;
use super::sockets::new_socket;
use crate::contract::Document;
use crate::host::{Cgroup, eventually, use_every_cpu};
use crate::tool;

const MANY: u64 = 10_000;
const MOST_BYTES: u64 = 64 << 20;
const FEW: u64 = 10;

/// One socket each, made while this process is in the cgroup.
fn make(parent: &Cgroup) -> Vec<OwnedFd> {
    parent.set("cgroup.subtree_control", "+memory");
    let procs = |dir: &str| {
        File::options()
            .write(true)
            .open(format!("{dir}/cgroup.procs"))
            .unwrap()
    };
    let mut root = procs("/sys/fs/cgroup");
    let last = i32::try_from(MANY).unwrap();
    drop(fcntl_dupfd_cloexec(std::io::stdin(), last).unwrap());
    let mut fds = Vec::new();
    for which in 0..MANY {
        let dir = parent.dir().join(format!("z-{which}"));
        fs::create_dir(&dir).unwrap();
        procs(dir.to_str().unwrap()).write_all(b"0").unwrap();
        let socket = new_socket(AddressFamily::UNIX);
        root.write_all(b"0").unwrap();
        // Outside the cgroup: the vector's memory is this process's, and stays.
        fds.push(socket);
        eventually("rmdir", || {
            fs::remove_dir(&dir).map_err(|error| error.to_string())
        });
    }
    fds
}

#[test]
fn ten_thousand() {
    let limit = Rlimit {
        current: Some(MANY + 1000),
        maximum: Some(MANY + 1000),
    };
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, limit).unwrap();
    let (other, parent) = (Cgroup::new("other"), Cgroup::new("many"));
    let begin = Instant::now();
    let fds = make(&parent);
    // Zombies of earlier tests may still be there.
    let kernels = || parent.stat("cgroup.stat", "nr_dying_descendants").unwrap();
    println!(
        "{} zombies after {:.1} s",
        kernels(),
        begin.elapsed().as_secs_f64()
    );
    assert_eq!(kernels(), MANY);

    let begin = Instant::now();
    let mut child = tool::command(&["zombies", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    // The output comes all at once at the end, and is more than a pipe holds.
    let mut text = vec![0];
    output.read_exact(&mut text).unwrap();
    let peak_bytes = peak_bytes(child.id());
    output.read_to_end(&mut text).unwrap();
    let status = child.wait().unwrap();
    let text = String::from_utf8(text).unwrap();
    println!(
        "zombies --json: {:.1} s, {} KiB at the peak",
        begin.elapsed().as_secs_f64(),
        peak_bytes >> 10
    );
    assert!(status.success());
    let Document { summary, items, .. } = Document::parse(&text);
    assert_eq!(summary["zombies"], items.len());
    let paths = items.iter().map(|item| item["path"].as_str().unwrap());
    let paths: Vec<_> = paths.filter(|path| path.starts_with("/many/")).collect();
    assert_eq!(paths.len() as u64, MANY);
    let paths: BTreeSet<_> = paths.into_iter().collect();
    let expected: Vec<_> = (0..MANY).map(|which| format!("/many/z-{which}")).collect();
    assert_eq!(paths, expected.iter().map(String::as_str).collect());
    assert!(peak_bytes < MOST_BYTES, "{peak_bytes}");

    drop(fds);
    setrlimit(Resource::Nofile, before).unwrap();
    // A page that this process touched while in a cgroup may keep that cgroup as long as the
    // process lives.
    let left = eventually("all but a few freed", || {
        use_every_cpu(&other);
        match kernels() {
            dying if dying <= FEW => Ok(dying),
            dying => Err(format!("{dying} are dying")),
        }
    });
    println!("{left} are left");
}
