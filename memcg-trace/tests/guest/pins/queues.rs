//! Zombies that sockets pin for which no process has a descriptor: sockets that wait to be accepted
//! or received, and connections that end without an owner.

use std::fs::File;
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use rustix::fs::{MemfdFlags, inotify, memfd_create};
use rustix::io::{IoSlice, IoSliceMut};
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recvmsg,
    sendmsg,
};
use serde_json::{Value, json};

use super::fixture::{Fixture, Refs, close, run, us};
use super::pages::of_pages;
use crate::host::{Cgroup, Folder};

#[test]
fn sockets_that_nobody_has_open() {
    let parent = Cgroup::new("queues");
    let folder = Folder::new("queues");
    let fixtures = vec![
        connections(&parent, &folder),
        message(&parent),
        message_in_a_connection(&parent, &folder),
        watches_in_a_message(&parent),
        lingering(&parent),
    ];
    run(&parent, fixtures);
}

fn of_one(path: String, kind: &'static str) -> Fixture {
    Fixture {
        never: &[],
        exactly: Vec::new(),
        path,
        pins: true,
        kind,
        refs: Refs::Exactly(1),
        company: &[],
        holders: Vec::new(),
        advice: Vec::new(),
        follow: Box::new(|| ()),
    }
}

/// This process, by a queue of one of its sockets.
fn queue(fd: impl AsFd, how: &str) -> Value {
    let mut holder = us(fd);
    holder["how"] = how.into();
    holder
}

/// The connecting task is charged for both ends (net/unix/af_unix.c: unix_stream_connect()), and
/// the queued end keeps the other, although that is closed.
pub fn connections(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("connections");
    let name = folder.file("server");
    let server = UnixListener::bind(&name).unwrap();
    cgroup.inside(|| {
        for _ in 0..3 {
            UnixStream::connect(&name).unwrap();
        }
    });
    cgroup.remove();
    Fixture {
        refs: Refs::Exactly(6),
        holders: vec![queue(&server, "accepts"), queue(&server, "peer")],
        advice: vec![close(&server)],
        follow: Box::new(move || {
            for _ in 0..3 {
                server.accept().unwrap();
            }
        }),
        ..of_one(cgroup.path(), "socket_unix")
    }
}

/// A file in a message that was not received.
pub fn message(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("message");
    let (from, to) = UnixDatagram::pair().unwrap();
    let sent = cgroup.inside(|| UdpSocket::bind("127.0.0.1:0").unwrap());
    let local = sent.local_addr().unwrap().to_string();
    send(&from, sent);
    cgroup.remove();
    let mut holder = queue(&to, "receives");
    holder["local"] = local.into();
    Fixture {
        holders: vec![holder],
        advice: vec![close(&to)],
        follow: Box::new(move || receive(&to)),
        ..of_one(cgroup.path(), "socket_inet")
    }
}

/// Memory whose file is only in a message that was not received.
pub fn memory_in_a_message(parent: &Cgroup) -> Fixture {
    const PAGES: usize = 512;
    let cgroup = parent.child("memory-in-a-message");
    let (from, to) = UnixDatagram::pair().unwrap();
    let mut file = File::from(memfd_create("sent-memory", MemfdFlags::CLOEXEC).unwrap());
    let pages = vec![1; PAGES * 4096];
    cgroup.inside(|| file.write_all(&pages)).unwrap();
    send(&from, file);
    cgroup.remove();
    let mut holder = queue(&to, "receives");
    holder["object"] = "memfd".into();
    holder["path"] = "sent-memory".into();
    Fixture {
        holders: vec![holder],
        advice: vec![close(&to)],
        follow: Box::new(move || receive(&to)),
        ..of_pages(cgroup.path(), "page_shmem", PAGES as u64)
    }
}

/// A file in a message of a connection that was not accepted: two queues lead to it.
fn message_in_a_connection(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("message-in-a-connection");
    let name = folder.file("slow-server");
    let server = UnixListener::bind(&name).unwrap();
    let client = UnixStream::connect(&name).unwrap();
    let sent = cgroup.inside(|| UdpSocket::bind("127.0.0.1:0").unwrap());
    send(&client, sent);
    cgroup.remove();
    Fixture {
        holders: vec![queue(&server, "receives")],
        advice: vec![close(&server)],
        follow: Box::new(move || drop((client, server))),
        ..of_one(cgroup.path(), "socket_inet")
    }
}

fn watches_in_a_message(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("watches-in-a-message");
    let (from, to) = UnixDatagram::pair().unwrap();
    let watch = cgroup.inside(|| inotify::init(inotify::CreateFlags::CLOEXEC).unwrap());
    send(&from, watch);
    cgroup.remove();
    Fixture {
        holders: vec![queue(&to, "receives")],
        advice: vec![close(&to)],
        follow: Box::new(move || receive(&to)),
        ..of_one(cgroup.path(), "fsnotify")
    }
}

/// A connection that was closed before the other side received all data.
pub fn lingering(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("lingering");
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let mut client = cgroup.inside(|| TcpStream::connect(address).unwrap());
    let (other_side, _) = server.accept().unwrap();
    client.set_nonblocking(true).unwrap();
    let part = [0; 65_536];
    // Until both sides are full.
    while client.write(&part).is_ok() {}
    drop(client);
    cgroup.remove();
    Fixture {
        holders: vec![json!({
            "object": "socket", "pid": null, "how": "kernel", "name": "TCP, in FIN_WAIT1",
            "remote": address.to_string(),
        })],
        follow: Box::new(move || drop((other_side, server))),
        ..of_one(cgroup.path(), "socket_inet")
    }
}

/// Sends a descriptor, and closes ours.
pub fn send(to: impl AsFd, fd: impl Into<OwnedFd>) {
    let fd = fd.into();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [fd.as_fd()];
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    let sent = sendmsg(to, &[IoSlice::new(b"x")], &mut control, SendFlags::empty());
    assert_eq!(sent.unwrap(), 1);
}

/// Receives a descriptor, and closes it.
fn receive(from: impl AsFd) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut parts = [IoSliceMut::new(&mut byte)];
    recvmsg(from, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    assert_eq!(control.drain().count(), 1);
}
