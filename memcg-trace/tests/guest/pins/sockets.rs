//! Zombies that sockets pin: sockets of any family, those of the kernel itself included.

use std::fs::{self, File};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;

use rustix::mount::{UnmountFlags, mount_bind, unmount};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::{UnshareFlags, gettid, unshare_unsafe};
use serde_json::{Value, json};

use super::fixture::{Fixture, Refs, close, us};
use super::memory::Ring;
use crate::host::{Cgroup, Folder};

/// A socket that no child process inherits.
pub fn new_socket(family: AddressFamily) -> OwnedFd {
    socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None).unwrap()
}

/// A zombie that so many sockets keep, on every kernel.
fn of_sockets(path: String, kind: &'static str, refs: u64) -> Fixture {
    Fixture {
        path,
        pins: true,
        kind,
        refs: Refs::Exactly(refs),
        company: &[],
        holders: Vec::new(),
        advice: Vec::new(),
        never: &[],
        exactly: Vec::new(),
        follow: Box::new(|| ()),
    }
}

fn with(mut holder: Value, key: &str, value: String) -> Value {
    holder[key] = value.into();
    holder
}

/// A listening socket, and a connected one.
pub fn inet(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("inet");
    let (tcp, udp) = cgroup.inside(|| {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.connect("127.0.0.1:9").unwrap();
        (tcp, udp)
    });
    cgroup.remove();
    let local = |addr: std::io::Result<std::net::SocketAddr>| addr.unwrap().to_string();
    let connected = with(us(&udp), "local", local(udp.local_addr()));
    Fixture {
        holders: vec![
            with(us(&tcp), "local", local(tcp.local_addr())),
            with(connected, "remote", "127.0.0.1:9".to_owned()),
        ],
        advice: vec![close(&tcp), close(&udp)],
        follow: Box::new(move || drop((tcp, udp))),
        ..of_sockets(cgroup.path(), "socket_inet", 2)
    }
}

pub fn unix(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("unix");
    let name = folder.file("listener");
    let listener = cgroup.inside(|| UnixListener::bind(&name).unwrap());
    cgroup.remove();
    Fixture {
        holders: vec![with(us(&listener), "path", name)],
        advice: vec![close(&listener)],
        follow: Box::new(move || drop(listener)),
        ..of_sockets(cgroup.path(), "socket_unix", 1)
    }
}

pub fn netlink(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("netlink");
    let fd = cgroup.inside(|| new_socket(AddressFamily::NETLINK));
    cgroup.remove();
    Fixture {
        holders: vec![us(&fd)],
        advice: vec![close(&fd)],
        follow: Box::new(move || drop(fd)),
        ..of_sockets(cgroup.path(), "socket_other", 1)
    }
}

/// A namespace made in the cgroup, which only a mount keeps: see [`keep_namespace`].
pub fn network_namespace(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("network-namespace");
    let name = folder.file("net");
    let ns_ino = keep_namespace(&cgroup, UnshareFlags::NEWNET, "net", &name);
    cgroup.remove();
    let of_kernel = json!({
        "object": "kernel_socket", "pid": null, "fd": null, "ns_ino": ns_ino, "ns_mount": name,
    });
    Fixture {
        // The number of sockets that the kernel makes for a namespace differs.
        refs: Refs::AtLeast(1),
        company: &["socket_inet", "socket_unix"],
        holders: vec![of_kernel],
        advice: vec![("unmount", vec![name.clone()])],
        follow: Box::new(move || unmount(name, UnmountFlags::empty()).unwrap()),
        ..of_sockets(cgroup.path(), "socket_other", 1)
    }
}

/// A namespace made in the cgroup, which only a socket in it keeps: that of a process which is in
/// another namespace.
pub fn socket_of_a_namespace(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("socket-of-a-namespace");
    let fd = cgroup.inside(|| {
        thread::scope(|scope| {
            let maker = scope.spawn(|| {
                unshare(UnshareFlags::NEWNET);
                new_socket(AddressFamily::NETLINK)
            });
            maker.join().unwrap()
        })
    });
    cgroup.remove();
    let mut of_kernel = with(us(&fd), "object", "kernel_socket".to_owned());
    of_kernel["how"] = "namespace_socket".into();
    Fixture {
        refs: Refs::AtLeast(2),
        company: &["socket_inet", "socket_unix"],
        holders: vec![us(&fd), of_kernel],
        advice: vec![close(&fd)],
        follow: Box::new(move || drop(fd)),
        ..of_sockets(cgroup.path(), "socket_other", 2)
    }
}

/// A packet socket whose descriptor is closed: its ring is mapped.
pub fn mapped_ring(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("mapped-ring");
    let (family, kind) = (AddressFamily::PACKET, SocketType::RAW);
    let open = || socket_with(family, kind, SocketFlags::CLOEXEC, None);
    let fd = cgroup.inside(|| open().unwrap());
    // Page tables are charged, too.
    let ring = Ring::of(&fd);
    drop(fd);
    cgroup.remove();
    let pid = std::process::id();
    Fixture {
        holders: vec![json!({"object": "socket", "fs": "PACKET", "how": "mapped", "pid": pid})],
        advice: vec![("restart_process", vec![format!("[{pid}]")])],
        follow: Box::new(move || drop(ring)),
        ..of_sockets(cgroup.path(), "socket_other", 1)
    }
}

/// A thread makes a namespace for itself in a cgroup, mounts it, and ends: neither a task nor a
/// descriptor is left. Returns the namespace's inode.
pub fn keep_namespace(cgroup: &Cgroup, what: UnshareFlags, name: &str, at: &str) -> u64 {
    File::create(at).unwrap();
    cgroup.inside(|| {
        thread::scope(|scope| {
            scope.spawn(|| {
                unshare(what);
                let tid = gettid().as_raw_nonzero();
                mount_bind(format!("/proc/self/task/{tid}/ns/{name}"), at).unwrap();
            });
        });
    });
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(mounts.contains(at), "{mounts}");
    Path::new(at).metadata().unwrap().ino()
}

#[expect(
    unsafe_code,
    reason = "a thread without what it shares with others can surprise them; nothing here can"
)]
pub fn unshare(what: UnshareFlags) {
    // SAFETY: a namespace is no memory and no file descriptor.
    unsafe { unshare_unsafe(what) }.unwrap();
}
