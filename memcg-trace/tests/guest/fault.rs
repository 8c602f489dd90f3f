//! A userfaultfd page whose readers block: a test keeps a task in the middle of a write(2), with
//! the locks that it holds there, as long as the test needs.
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

/// A page that is absent until it is [given](Self::give), at the latest when this is dropped.
pub struct Missing {
    faults: OwnedFd,
    at: u64,
    /// The bytes of the page.
    pub page: &'static [u8],
}

impl Missing {
    pub fn new() -> Self {
        // A blocking descriptor cannot be polled.
        let flags = UserfaultfdFlags::CLOEXEC | UserfaultfdFlags::NONBLOCK;
        // SAFETY: nothing else owns the new descriptor.
        let faults = unsafe { userfaultfd(flags) }.unwrap();
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let page =
            unsafe { mmap_anonymous(ptr::null_mut(), PAGE, access, MapFlags::PRIVATE).unwrap() };
        // SAFETY: the mapping is never unmapped, and reads as zeros once the page is present.
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
        // SAFETY: each struct is that of its ioctl code, and the kernel writes nothing else.
        unsafe {
            ioctl(&faults, Updater::<API_CODE, _>::new(&mut api)).unwrap();
            ioctl(&faults, Updater::<REGISTER_CODE, _>::new(&mut register)).unwrap();
        }
        Self { faults, at, page }
    }

    /// The same page as a buffer that only the kernel may write to.
    pub fn buffer(&self) -> &'static mut [MaybeUninit<u8>] {
        // SAFETY: the mapping is never unmapped, and callers of this do not use `page`.
        unsafe { slice::from_raw_parts_mut(self.page.as_ptr().cast_mut().cast(), PAGE) }
    }

    /// Waits until a task has faulted on the page.
    pub fn wait_for_reader(&self) {
        let mut fds = [PollFd::new(&self.faults, PollFlags::IN)];
        let timeout = Timespec::try_from(DEADLINE).unwrap();
        poll(&mut fds, Some(&timeout)).unwrap();
        assert_eq!(fds[0].revents(), PollFlags::IN, "nobody reads the page");
    }

    /// Lets the reader continue.
    pub fn give(self) {
        let mut zeropage = Zeropage {
            start: self.at,
            len: PAGE as u64,
            ..Zeropage::default()
        };
        // SAFETY: the struct is that of the code; the page is ours, and readers expect zeros.
        unsafe {
            ioctl(
                &self.faults,
                Updater::<ZEROPAGE_CODE, _>::new(&mut zeropage),
            )
        }
        .unwrap();
    }
}
