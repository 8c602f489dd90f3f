//! Zombies pinned by an object that was made in them and given to a task outside: a device of user
//! space, a file of a cgroup.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::Command;
use std::thread;

use rustix::thread::UnshareFlags;
use serde_json::json;

use super::fixture::{Fixture, Refs, close, run, us};
use super::sockets::unshare;
use crate::host::{Cgroup, ROOT, eventually, kmem_pins};

#[test]
fn a_tap_device() {
    let parent = Cgroup::new("taps");
    let fixtures = vec![tap(&parent)];
    run(&parent, fixtures);
}

#[test]
fn a_cgroup_file_of_a_namespace() {
    let parent = Cgroup::new("cgroup-files");
    let fixtures = vec![cgroup_file(&parent)];
    run(&parent, fixtures);
}

#[test]
fn stacks_and_page_tables_of_who_moved_away() {
    let parent = Cgroup::new("stacks");
    let fixtures = vec![moved_daemon(&parent)];
    run(&parent, fixtures);
}

/// A daemon is forked in a cgroup, and moved to another one: the kernel's memory for it stays.
fn moved_daemon(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("starter");
    let starter = cgroup.start("sleep 100000 & wait", &[]);
    let starter_pid = starter.0.id();
    let children = format!("/proc/{starter_pid}/task/{starter_pid}/children");
    let daemon = eventually("a daemon", || {
        let children = fs::read_to_string(&children).map_err(|error| error.to_string())?;
        let daemon = children.trim().to_owned();
        match fs::read_to_string(format!("/proc/{daemon}/comm")) {
            Ok(comm) if comm.trim_end() == "sleep" => Ok(daemon),
            other => Err(format!("{other:?}")),
        }
    });
    fs::write(format!("{ROOT}/cgroup.procs"), &daemon).unwrap();
    starter.leave();
    cgroup.remove();
    let pid: u64 = daemon.parse().unwrap();
    let of_daemon = |object: &str| json!({"object": object, "comm": "sleep", "pid": pid});
    Fixture {
        never: &[],
        exactly: Vec::new(),
        path: cgroup.path(),
        pins: kmem_pins(),
        kind: "page_kmem",
        refs: Refs::AtLeast(8),
        // The process' other memory.
        company: &["page_anon", "page_file", "page_shmem", "lru_gen_mm"],
        holders: vec![of_daemon("kernel_stack"), of_daemon("page_tables")],
        advice: Vec::new(),
        follow: Box::new(move || {
            let killed = Command::new("kill").args(["-9", &daemon]).status();
            assert!(killed.unwrap().success());
            drop(starter);
        }),
    }
}

pub fn tap(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("tap");
    let node = Path::new("/dev/net/tun");
    if !node.exists() {
        fs::create_dir_all("/dev/net").unwrap();
        let made = Command::new("mknod")
            .arg(node)
            .args(["c", "10", "200"])
            .status();
        assert!(made.unwrap().success());
    }
    let device = cgroup.inside(|| {
        let device = File::options().read(true).write(true).open(node).unwrap();
        make_tap(&device);
        device
    });
    cgroup.remove();
    let mut holder = us(&device);
    holder["fs"] = "tun".into();
    Fixture {
        never: &[],
        exactly: Vec::new(),
        path: cgroup.path(),
        pins: true,
        kind: "socket_other",
        refs: Refs::Exactly(1),
        company: &[],
        holders: vec![holder],
        advice: vec![close(&device)],
        follow: Box::new(move || drop(device)),
    }
}

/// Gives the file a network device (Documentation/networking/tuntap.rst).
#[expect(unsafe_code, reason = "a request of this device alone")]
fn make_tap(device: &File) {
    const SET_DEVICE: libc::Ioctl = 0x4004_54ca_u32 as libc::Ioctl;
    let mut request = [0_u8; 40];
    request[..4].copy_from_slice(b"tap0");
    // A tap, without information on each packet.
    request[16..18].copy_from_slice(&0x1002_u16.to_ne_bytes());
    // SAFETY: the request has the size of a struct ifreq.
    let outcome = unsafe { libc::ioctl(device.as_raw_fd(), SET_DEVICE, request.as_mut_ptr()) };
    assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
}

/// A thread opens a file of the cgroup file system in a namespace of its own, and ends.
pub fn open_in_namespace(cgroup: &Cgroup) -> File {
    cgroup.inside(|| {
        let opened = thread::scope(|scope| {
            let opener = scope.spawn(|| {
                unshare(UnshareFlags::NEWCGROUP);
                File::open(format!("{ROOT}/cgroup.procs"))
            });
            opener.join().unwrap()
        });
        opened.unwrap()
    })
}

pub fn cgroup_file(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("opener");
    let file = open_in_namespace(&cgroup);
    cgroup.remove();
    let mut holder = us(&file);
    holder["how"] = "namespace_file".into();
    Fixture {
        never: &[],
        exactly: Vec::new(),
        path: cgroup.path(),
        pins: true,
        kind: "cgroup_ns",
        refs: Refs::Exactly(1),
        company: &[],
        holders: vec![holder],
        advice: vec![close(&file)],
        follow: Box::new(move || drop(file)),
    }
}
