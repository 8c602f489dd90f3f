//! Memory that whoever reads it waits for: the way to keep a task in the middle of a write(2),
//! with the locks that it holds there, for as long as a test wants.
#![expect(
    unsafe_code,
    reason = "userfaultfd(2) has no safe face; what is unsafe of it is here"
)]

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::ptr;
use std::slice;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::ioctl::{Updater, ioctl, opcode};
use rustix::mm::{MapFlags, ProtFlags, UserfaultfdFlags, mmap_anonymous, userfaultfd};

use crate::host::DEADLINE;

const PAGE: usize = 4096;
/// include/uapi/linux/userfaultfd.h.
const GROUP: u8 = 0xaa;
const API: u64 = 0xaa;
const REGISTER_MISSING: u64 = 1;
const API_CODE: u32 = opcode::read_write::<Api>(GROUP, 0x3f);
const REGISTER_CODE: u32 = opcode::read_write::<Register>(GROUP, 0x00);
const ZEROPAGE_CODE: u32 = opcode::read_write::<Zeropage>(GROUP, 0x04);

/// `struct uffdio_api`.
#[repr(C)]
#[derive(Default)]
struct Api {
    api: u64,
    features: u64,
    ioctls: u64,
}

/// `struct uffdio_register`.
#[repr(C)]
#[derive(Default)]
struct Register {
    start: u64,
    len: u64,
    mode: u64,
    ioctls: u64,
}

/// `struct uffdio_zeropage`.
#[repr(C)]
#[derive(Default)]
struct Zeropage {
    start: u64,
    len: u64,
    mode: u64,
    zeropage: i64,
}

/// A page that is not there until it is [given](Self::give). When this is dropped it is there.
pub struct Missing {
    faults: OwnedFd,
    at: u64,
    /// Its bytes.
    pub page: &'static [u8],
}

impl Missing {
    pub fn new() -> Self {
        // One that blocks cannot be polled.
        let flags = UserfaultfdFlags::CLOEXEC | UserfaultfdFlags::NONBLOCK;
        // SAFETY: the descriptor that it makes is ours.
        let faults = unsafe { userfaultfd(flags) }.unwrap();
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a mapping of its own at a place that the kernel chooses.
        let page =
            unsafe { mmap_anonymous(ptr::null_mut(), PAGE, access, MapFlags::PRIVATE).unwrap() };
        // SAFETY: it is never unmapped, and reads as zeros once it is there.
        let page = unsafe { slice::from_raw_parts(page.cast::<u8>(), PAGE) };
        let at = page.as_ptr() as u64;
        let mut api = Api {
            api: API,
            ..Api::default()
        };
        let mut register = Register {
            start: at,
            len: PAGE as u64,
            mode: REGISTER_MISSING,
            ..Register::default()
        };
        // SAFETY: the structs are those of the codes, and the kernel writes nothing else.
        unsafe {
            ioctl(&faults, Updater::<API_CODE, _>::new(&mut api)).unwrap();
            ioctl(&faults, Updater::<REGISTER_CODE, _>::new(&mut register)).unwrap();
        }
        Self { faults, at, page }
    }

    /// The same page, to be written to, by nobody but the kernel.
    pub fn buffer(&self) -> &'static mut [MaybeUninit<u8>] {
        // SAFETY: it is never unmapped, and whoever asks for this does not use `page`.
        unsafe { slice::from_raw_parts_mut(self.page.as_ptr().cast_mut().cast(), PAGE) }
    }

    /// Waits until somebody stands at the page.
    pub fn wait_for_reader(&self) {
        let mut fds = [PollFd::new(&self.faults, PollFlags::IN)];
        let timeout = Timespec::try_from(DEADLINE).unwrap();
        poll(&mut fds, Some(&timeout)).unwrap();
        assert_eq!(fds[0].revents(), PollFlags::IN, "nobody reads the page");
    }

    /// Lets the reader go on.
    pub fn give(self) {
        let mut zeropage = Zeropage {
            start: self.at,
            len: PAGE as u64,
            ..Zeropage::default()
        };
        // SAFETY: the struct is that of the code; the page is ours, and zeros are what it reads as.
        unsafe {
            ioctl(
                &self.faults,
                Updater::<ZEROPAGE_CODE, _>::new(&mut zeropage),
            )
        }
        .unwrap();
    }
}
