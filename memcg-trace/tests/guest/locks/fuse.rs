//! A minimal file system in user space, to be stuck in.

use std::ffi::CString;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// include/uapi/linux/fuse.h: operations, and the lengths of messages.
const LOOKUP: u32 = 1;
const GETATTR: u32 = 3;
const INIT: u32 = 26;
const IN_HEADER: usize = 40;
const INIT_OUT: usize = 64;
const ATTR_OUT: usize = 104;

/// The server of the file system.
pub struct Server {
    device: File,
}

impl Server {
    /// Mounts the file system.
    pub fn at(path: &str) -> Self {
        let device = File::options().read(true).write(true).open("/dev/fuse");
        let device = device.unwrap();
        let options = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0",
            device.as_raw_fd()
        );
        let options = CString::new(options).unwrap();
        mount("lab", path, "fuse", MountFlags::empty(), Some(&*options)).unwrap();
        Self { device }
    }

    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }

    /// Answers requests in order. On the lookup of a name it calls `looked_up`, and does not
    /// answer.
    pub fn serve(mut self, looked_up: impl Fn()) {
        let mut message = vec![0; 1 << 17];
        loop {
            // The device fails once the mount is gone.
            let Ok(length) = self.device.read(&mut message) else {
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
                    self.answer(question, &out);
                }
                GETATTR => {
                    let mut out = [0; ATTR_OUT];
                    out[0..8].copy_from_slice(&3600_u64.to_ne_bytes());
                    out[16..24].copy_from_slice(&1_u64.to_ne_bytes());
                    out[76..80].copy_from_slice(&0o40755_u32.to_ne_bytes());
                    out[80..84].copy_from_slice(&2_u32.to_ne_bytes());
                    self.answer(question, &out);
                }
                LOOKUP => looked_up(),
                _ => {}
            }
        }
    }

    fn answer(&mut self, question: &[u8], bytes: &[u8]) {
        let length = u32::try_from(16 + bytes.len()).unwrap();
        let mut message = length.to_ne_bytes().to_vec();
        message.extend([0; 4]);
        message.extend(&question[8..16]);
        message.extend(bytes);
        let _ = self.device.write_all(&message);
    }
}

/// A word of a message from the kernel.
fn word(message: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(message[at..at + 4].try_into().unwrap())
}

/// Aborts the connection, which ends all requests first.
pub fn abort(path: &str) {
    unmount(path, UnmountFlags::FORCE | UnmountFlags::DETACH).unwrap();
}

/// Sends a descriptor, which is in no table until it is received.
pub fn send(socket: &UnixStream, descriptor: BorrowedFd<'_>) {
    let descriptors = [descriptor];
    let mut space = [MaybeUninit::uninit(); 64];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
    let bytes = [std::io::IoSlice::new(b"x")];
    sendmsg(socket, &bytes, &mut ancillary, SendFlags::empty()).unwrap();
}
