//! Programs that the kernel waits for: a file system in user space that uses itself, and one that
//! decides on permission events of fanotify and does not.
#![expect(
    unsafe_code,
    reason = "fanotify has no safe face, and unshare(2) of the file table neither; a descriptor of \
              its own is what makes a server"
)]

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use memcg_trace::sample::ResourceKind;
use memcg_trace::sample::waits::Evidence;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::coredump::stack;
use super::look;
use crate::host::{Folder, eventually, has_function};

/// include/uapi/linux/fuse.h: operations, and the lengths of what is said.
const LOOKUP: u32 = 1;
const GETATTR: u32 = 3;
const INIT: u32 = 26;
const IN_HEADER: usize = 40;
const INIT_OUT: usize = 64;
const ATTR_OUT: usize = 104;

fn own_tid() -> u32 {
    u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap()
}

/// A thread with a file table of its own: what it opens, nobody else has.
fn apart<T: Send + 'static>(work: impl FnOnce(u32) -> T + Send + 'static) -> JoinHandle<T> {
    thread::spawn(move || {
        // SAFETY: no other thread uses a descriptor that this one opens or closes, and it closes
        // none of theirs.
        unsafe { unshare_unsafe(UnshareFlags::FILES) }.unwrap();
        work(own_tid())
    })
}

fn stops(tid: u32, parts: &[&str]) {
    eventually("a task that stops", || {
        let stack = stack(tid);
        match parts.iter().any(|part| stack.contains(part)) {
            true => Ok(()),
            false => Err(stack),
        }
    });
}

/// A word of a message from the kernel.
fn word(message: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(message[at..at + 4].try_into().unwrap())
}

fn answer(device: &mut File, question: &[u8], bytes: &[u8]) {
    let length = u32::try_from(16 + bytes.len()).unwrap();
    let mut message = length.to_ne_bytes().to_vec();
    message.extend([0; 4]);
    message.extend(&question[8..16]);
    message.extend(bytes);
    let _ = device.write_all(&message);
}

/// Answers what comes first, and for a name that is looked up makes a directory in its own file
/// system: then it waits for the lock of the one that it serves.
fn serve(path: &str, tell: &Sender<u32>, keep: Option<UnixStream>) {
    let device = OwnedFd::from(
        File::options()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .unwrap(),
    );
    let options = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0",
        device.as_raw_fd()
    );
    let options = CString::new(options).unwrap();
    mount("lab", path, "fuse", MountFlags::empty(), Some(&*options)).unwrap();
    if let Some(socket) = &keep {
        let descriptors = [device.as_fd()];
        let mut space = [std::mem::MaybeUninit::uninit(); 64];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
        let bytes = [std::io::IoSlice::new(b"x")];
        sendmsg(socket, &bytes, &mut ancillary, SendFlags::empty()).unwrap();
    }
    tell.send(own_tid()).unwrap();
    let mut device = File::from(device);
    let mut message = vec![0; 1 << 17];
    loop {
        // It ends with the mount.
        let Ok(length) = device.read(&mut message) else {
            return;
        };
        let question = &message[..length];
        if length < IN_HEADER {
            return;
        }
        match word(question, 4) {
            INIT => {
                let mut out = [0; INIT_OUT];
                out[0..4].copy_from_slice(&7_u32.to_ne_bytes());
                out[4..8].copy_from_slice(&31_u32.to_ne_bytes());
                out[20..24].copy_from_slice(&65536_u32.to_ne_bytes());
                answer(&mut device, question, &out);
            }
            GETATTR => {
                let mut out = [0; ATTR_OUT];
                out[0..8].copy_from_slice(&3600_u64.to_ne_bytes());
                out[16..24].copy_from_slice(&1_u64.to_ne_bytes());
                out[76..80].copy_from_slice(&0o40755_u32.to_ne_bytes());
                out[80..84].copy_from_slice(&2_u32.to_ne_bytes());
                answer(&mut device, question, &out);
            }
            LOOKUP => {
                let _ = fs::create_dir(format!("{path}/log"));
            }
            _ => {}
        }
    }
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
        // Ends all requests first.
        unmount(
            self.folder.path(),
            UnmountFlags::FORCE | UnmountFlags::DETACH,
        )
        .unwrap();
        self.client.1.join().unwrap();
        self.server.1.join().unwrap();
    }
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
    // Between a request and its server's descriptor these kernels have one object more, which is
    // not gone through: nobody is guessed.
    if has_function("fuse_chan_new") {
        let why = "nobody was found who has its connection open";
        assert_eq!(request.incomplete.as_deref(), Some(why));
        assert!(holders.is_empty());
        assert_eq!(look::asked("undecided").1, Some(5));
        fuse.end();
        return;
    }
    assert_eq!(request.incomplete, None);
    let holders: Vec<_> = holders.iter().map(|task| task.tid).collect();
    assert_eq!(holders, [fuse.server.0]);
    let (data, code) = look::asked("deadlock");
    assert_eq!(code, Some(4));
    let items = data["items"].as_array().unwrap();
    let deadlock = items
        .iter()
        .find(|item| item["type"] == "deadlock")
        .unwrap();
    let members = deadlock["members"].as_array().unwrap().iter();
    let mut members: Vec<_> = members.map(|task| task["tid"].as_u64().unwrap()).collect();
    members.sort_unstable();
    let mut both = [fuse.server.0, fuse.client.0].map(u64::from);
    both.sort_unstable();
    assert_eq!(members, both);
    fuse.end();

    // Whoever takes the descriptor out of the socket can serve, too.
    let (sender, receiver) = UnixStream::pair().unwrap();
    let fuse = Fuse::new("fuse-hidden", Some(sender));
    let (data, code) = look::asked("undecided");
    assert_eq!(code, Some(5));
    let items = data["items"].as_array().unwrap();
    let end = items
        .iter()
        .find(|item| item["type"] == "open_end")
        .unwrap();
    assert_eq!(end["why"], "1 references to its descriptor were not found");
    fuse.end();
    drop(receiver);
}

/// Takes one permission event of files in a folder, and decides nothing until it is told to.
fn scan(folder: &str, tell: &Sender<u32>, go: &Receiver<()>) {
    let flags = libc::FAN_CLASS_CONTENT | libc::FAN_CLOEXEC;
    // SAFETY: it takes two numbers.
    let group = unsafe { libc::fanotify_init(flags, libc::O_RDONLY.cast_unsigned()) };
    assert!(group >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the descriptor that it made is ours.
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
    assert!(group.read(&mut [0; 256]).unwrap() > 0);
    // In a futex it might wait for anybody.
    while go.try_recv().is_err() {
        thread::sleep(Duration::from_millis(20));
    }
    // With the group goes the question.
}

#[test]
fn a_scanner_that_does_not_decide() {
    let folder = Folder::new("scanned");
    let program = folder.file("program");
    fs::copy("/bin/busybox", &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (tell, told) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let path = folder.path().to_owned();
    let scanner = apart(move |_| scan(&path, &tell, &goes));
    let scanner_tid = told.recv().unwrap();
    // Its child borrows its memory, and is stuck at the program.
    let (tell, told) = mpsc::channel();
    let parent = thread::spawn(move || {
        tell.send(own_tid()).unwrap();
        let child = Command::new(program).arg("true").spawn();
        child.unwrap().wait().unwrap();
    });
    let parent_tid = told.recv().unwrap();
    stops(parent_tid, &["kernel_clone", "_do_fork", "vfork"]);
    let waits = look::ask();
    let last = waits.looks.last().unwrap();
    look::show(last);
    let (_, exec, child) = look::wait_of(last, parent_tid);
    assert_eq!(exec.kind, ResourceKind::Completion);
    assert_eq!(exec.incomplete, None);
    assert_eq!(child.len(), 1);
    let (_, event, holders) = look::wait_of(last, child[0].tid);
    assert_eq!(event.kind, ResourceKind::Fanotify);
    assert_eq!(event.incomplete, None);
    let holders: Vec<_> = holders.iter().map(|task| task.tid).collect();
    assert_eq!(holders, [scanner_tid]);
    // It can decide, so this is no deadlock.
    let (_, code) = look::asked("no_deadlock");
    assert_eq!(code, Some(0));
    go.send(()).unwrap();
    scanner.join().unwrap();
    parent.join().unwrap();
}
