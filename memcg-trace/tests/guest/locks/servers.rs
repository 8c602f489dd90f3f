//! Servers that the kernel waits for: a file system in user space that uses itself, and a program
//! that does not decide on its permission events of fanotify.
#![expect(
    unsafe_code,
    reason = "fanotify has no safe face, and unshare(2) of the file table neither; a descriptor of \
              its own is what makes a server"
)]

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use memcg_trace::sample::ResourceKind;
use memcg_trace::sample::waits::Evidence;
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::coredump::stack;
use super::fuse::{self, Server};
use super::look;
use crate::host::{Folder, eventually};
use crate::tool;

fn own_tid() -> u32 {
    u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap()
}

/// A thread with a file table of its own: no other task has the files that it opens.
fn apart<T: Send + 'static>(work: impl FnOnce(u32) -> T + Send + 'static) -> JoinHandle<T> {
    thread::spawn(move || {
        // SAFETY: no other thread uses a descriptor that this one opens or closes, and it closes
        // none of theirs.
        unsafe { unshare_unsafe(UnshareFlags::FILES) }.unwrap();
        work(own_tid())
    })
}

pub fn stops(tid: u32, parts: &[&str]) {
    eventually("a task that stops", || {
        let stack = stack(tid);
        match parts.iter().any(|part| stack.contains(part)) {
            true => Ok(()),
            false => Err(stack),
        }
    });
}

/// On a lookup it makes a directory in its own file system: then it waits for the lock that its
/// client holds.
fn serve(path: &str, tell: &Sender<u32>, keep: Option<UnixStream>) {
    let server = Server::at(path);
    if let Some(socket) = &keep {
        fuse::send(socket, server.descriptor());
    }
    tell.send(own_tid()).unwrap();
    server.serve(|| {
        let _ = fs::create_dir(format!("{path}/log"));
    });
}

/// A server and a client of its file system that wait for each other.
struct Fuse {
    folder: Folder,
    server: (u32, JoinHandle<()>),
    client: (u32, JoinHandle<()>),
}

impl Fuse {
    fn new(name: &str, keep: Option<UnixStream>) -> Self {
        let folder = Folder::new(name);
        let (tell, told) = mpsc::channel();
        let path = folder.path().to_owned();
        let server = apart(move |_| serve(&path, &tell, keep));
        let server = (told.recv().unwrap(), server);
        let (tell, told) = mpsc::channel();
        let made = folder.file("made");
        let client = thread::spawn(move || {
            tell.send(own_tid()).unwrap();
            let _ = fs::create_dir(made);
        });
        let client = (told.recv().unwrap(), client);
        stops(client.0, &["request_wait_answer", "fuse_"]);
        stops(server.0, &["mkdir", "filename_create"]);
        Self {
            folder,
            server,
            client,
        }
    }

    fn end(self) {
        fuse::abort(self.folder.path());
        self.client.1.join().unwrap();
        self.server.1.join().unwrap();
    }
}

/// Checks that the only deadlock is of these tasks.
pub fn assert_deadlock(tids: &[u32]) {
    let (data, code) = look::asked("deadlock");
    assert_eq!(code, Some(4));
    let items = data["items"].as_array().unwrap().iter();
    let deadlocks: Vec<_> = items.filter(|item| item["type"] == "deadlock").collect();
    assert_eq!(deadlocks.len(), 1);
    let members = deadlocks[0]["members"].as_array().unwrap().iter();
    let mut members: Vec<_> = members.map(|task| task["tid"].as_u64().unwrap()).collect();
    members.sort_unstable();
    let mut tids: Vec<_> = tids.iter().copied().map(u64::from).collect();
    tids.sort_unstable();
    assert_eq!(members, tids);
}

/// Checks that the answer is undecided, since a holder is unknown.
fn assert_undecided(why: &str) {
    let (data, code) = look::asked("undecided");
    assert_eq!(code, Some(5));
    let mut items = data["items"].as_array().unwrap().iter();
    let end = items.find(|item| item["type"] == "open_end");
    assert_eq!(end.unwrap()["why"], why);
}

#[test]
fn a_file_system_that_uses_itself() {
    let fuse = Fuse::new("fuse", None);
    let waits = look::ask();
    let last = waits.looks.last().unwrap();
    look::show(last);
    let (wait, request, holders) = look::wait_of(last, fuse.client.0);
    assert_eq!(request.kind, ResourceKind::Fuse);
    assert_eq!(wait.evidence, Evidence::OwnerWord);
    assert_eq!(request.incomplete, None);
    let holders: Vec<_> = holders.iter().map(|task| task.tid).collect();
    assert_eq!(holders, [fuse.server.0]);
    assert_deadlock(&[fuse.server.0, fuse.client.0]);
    fuse.end();

    // Any task that takes the descriptor out of the socket can serve, too.
    let (sender, receiver) = UnixStream::pair().unwrap();
    let fuse = Fuse::new("fuse-hidden", Some(sender));
    assert_undecided("1 references to its descriptor were not found");
    fuse.end();
    drop(receiver);
}

/// Takes one permission event of files in a folder, and decides nothing until it gets a message; or
/// gives away the descriptor with which it could decide.
fn scan(folder: &str, tell: &Sender<u32>, go: &Receiver<()>, give_to: Option<&UnixStream>) {
    let flags = libc::FAN_CLASS_CONTENT | libc::FAN_CLOEXEC;
    // SAFETY: the call takes two numbers.
    let group = unsafe { libc::fanotify_init(flags, libc::O_RDONLY.cast_unsigned()) };
    assert!(group >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: nothing else owns the new descriptor.
    let group = unsafe { OwnedFd::from_raw_fd(group) };
    let path = CString::new(folder).unwrap();
    let mask = libc::FAN_OPEN_PERM | libc::FAN_EVENT_ON_CHILD;
    // SAFETY: the path ends in NUL and lives as long as the call.
    let marked = unsafe {
        libc::fanotify_mark(
            group.as_raw_fd(),
            libc::FAN_MARK_ADD,
            mask,
            libc::AT_FDCWD,
            path.as_ptr(),
        )
    };
    assert_eq!(marked, 0, "{}", std::io::Error::last_os_error());
    tell.send(own_tid()).unwrap();
    let mut group = File::from(group);
    match give_to {
        Some(socket) => fuse::send(socket, group.as_fd()),
        None => assert!(group.read(&mut [0; 256]).unwrap() > 0),
    }
    let _own = give_to.is_none().then_some(group);
    // In a futex it could wait for any task.
    while go.try_recv().is_err() {
        thread::sleep(Duration::from_millis(20));
    }
    // Closing the group ends the permission event.
}

/// A scanner that does not decide, and a program that waits for its decision.
struct Scanned {
    scanner: (u32, JoinHandle<()>),
    go: Sender<()>,
    /// The parent's child borrows its memory, and is stuck at the program.
    parent: (u32, JoinHandle<()>),
    _folder: Folder,
}

impl Scanned {
    fn new(name: &str, give_to: Option<UnixStream>) -> Self {
        let folder = Folder::new(name);
        let program = folder.file("program");
        fs::copy("/bin/busybox", &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let (tell, told) = mpsc::channel();
        let (go, goes) = mpsc::channel();
        let path = folder.path().to_owned();
        let scanner = apart(move |_| scan(&path, &tell, &goes, give_to.as_ref()));
        let scanner = (told.recv().unwrap(), scanner);
        let (tell, told) = mpsc::channel();
        let parent = thread::spawn(move || {
            tell.send(own_tid()).unwrap();
            let child = Command::new(program).arg("true").spawn();
            child.unwrap().wait().unwrap();
        });
        let parent = (told.recv().unwrap(), parent);
        stops(parent.0, &["kernel_clone", "_do_fork", "vfork"]);
        Self {
            scanner,
            go,
            parent,
            _folder: folder,
        }
    }

    fn end(self) {
        self.go.send(()).unwrap();
        self.scanner.1.join().unwrap();
        self.parent.1.join().unwrap();
    }
}

#[test]
fn a_scanner_that_does_not_decide() {
    let scanned = Scanned::new("scanned", None);
    let waits = look::ask();
    let last = waits.looks.last().unwrap();
    look::show(last);
    let (_, exec, child) = look::wait_of(last, scanned.parent.0);
    assert_eq!(exec.kind, ResourceKind::Completion);
    assert_eq!(exec.incomplete, None);
    assert_eq!(child.len(), 1);
    let (_, event, holders) = look::wait_of(last, child[0].tid);
    assert_eq!(event.kind, ResourceKind::Fanotify);
    assert_eq!(event.incomplete, None);
    let holders: Vec<_> = holders.iter().map(|task| task.tid).collect();
    assert_eq!(holders, [scanned.scanner.0]);
    // The scanner can decide, so this is no deadlock.
    let (_, code) = look::asked("no_deadlock");
    assert_eq!(code, Some(0));
    // With the field hidden by which a child wakes its parent, no task is known to do so.
    let why = look::undecided_without(&tool::without_type("vfork_done").unwrap());
    assert!(look::is_unread(&why), "{why:?}");
    scanned.end();

    // Only a task that takes the descriptor out of the socket can decide.
    let (sender, receiver) = UnixStream::pair().unwrap();
    let scanned = Scanned::new("scanned-hidden", Some(sender));
    assert_undecided("nobody was found who has its descriptor");
    // Reading closes the descriptor. The stuck child has the socket, too, so dropping ours is not
    // enough.
    assert_eq!((&receiver).read(&mut [0]).unwrap(), 1);
    scanned.end();
}
