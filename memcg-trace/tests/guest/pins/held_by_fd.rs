//! Files that hold other files, or memory of a special kind.
#![expect(
    unsafe_code,
    reason = "these system calls have no safe face; what is unsafe of them is here"
)]

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::ptr;

use super::memory::Memory;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

const PAGE: usize = 4096;
const HUGE_PAGE: usize = 2 << 20;
/// `struct io_uring_params`.
const PARAMS_BYTES: usize = 120;
/// include/uapi/linux/io_uring.h.
const REGISTER_BUFFERS: u32 = 0;
const REGISTER_FILES: u32 = 2;

/// An io_uring.
pub struct Ring(pub OwnedFd);

impl Ring {
    pub fn new() -> Self {
        let mut params = [0_u8; PARAMS_BYTES];
        // SAFETY: the parameters are as long as the kernel's struct.
        let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, 4, params.as_mut_ptr()) };
        let fd = RawFd::try_from(fd).unwrap();
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: the descriptor is new, and nothing else owns it.
        Self(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// An io_uring with a registered file.
    pub fn with(file: impl AsFd) -> Self {
        let ring = Self::new();
        let files = [file.as_fd().as_raw_fd()];
        ring.register_one(REGISTER_FILES, files.as_ptr().cast());
        ring
    }

    /// Registers memory as a buffer.
    pub fn register(&self, memory: &Memory) {
        let buffer = memory.range();
        self.register_one(REGISTER_BUFFERS, (&raw const buffer).cast());
    }

    fn register_one(&self, what: u32, thing: *const libc::c_void) {
        let fd = self.0.as_raw_fd();
        // SAFETY: there is one thing at that address.
        let registered = unsafe { libc::syscall(libc::SYS_io_uring_register, fd, what, thing, 1) };
        assert_eq!(registered, 0, "{}", std::io::Error::last_os_error());
    }
}

/// A context of asynchronous I/O.
pub struct AioRing(u64);

impl AioRing {
    pub fn new() -> Self {
        let mut context = 0_u64;
        // SAFETY: the kernel writes one word there.
        let made = unsafe { libc::syscall(libc::SYS_io_setup, 128, &raw mut context) };
        assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
        Self(context)
    }
}

impl Drop for AioRing {
    fn drop(&mut self) {
        // SAFETY: the context is not used any more.
        unsafe { libc::syscall(libc::SYS_io_destroy, self.0) };
    }
}

/// Makes the kernel write an entry to a file for each process that ends, or ends that.
pub fn account_to(name: Option<&CStr>) {
    let name = name.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: the pointer is null or a string that outlives the call.
    let outcome = unsafe { libc::acct(name) };
    assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
}

/// Writes to the first byte of each step of a shared mapping of a file.
fn touch(file: &File, steps: usize, step: usize) {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    let bytes = steps * step;
    // SAFETY: a new mapping at an address that the kernel chooses.
    let at = unsafe { mmap(ptr::null_mut(), bytes, access, MapFlags::SHARED, file, 0) }.unwrap();
    for number in 0..steps {
        // SAFETY: the address is within the mapping.
        unsafe { at.cast::<u8>().add(number * step).write_volatile(1) };
    }
    // SAFETY: this is the whole mapping, and nothing refers to it any more.
    unsafe { munmap(at, bytes) }.unwrap();
}

/// `memfd_secret(2)`.
pub struct Secret {
    pub file: File,
}

impl Secret {
    /// A secret file with some pages; `None` where the kernel lacks the call or refuses it.
    pub fn new(pages: usize) -> Option<Self> {
        // SAFETY: the call takes no pointer. The tool must not inherit the descriptor.
        let fd = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
        let fd = RawFd::try_from(fd).unwrap();
        if fd < 0 {
            return None;
        }
        // SAFETY: the descriptor is new, and nothing else owns it.
        let file = unsafe { File::from_raw_fd(fd) };
        file.set_len((pages * PAGE) as u64).unwrap();
        touch(&file, pages, PAGE);
        Some(Self { file })
    }
}

/// A file on hugetlbfs, with so many pages.
pub fn huge_file(name: &str, pages: usize) -> File {
    let options = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(name);
    let file = options.unwrap();
    file.set_len((pages * HUGE_PAGE) as u64).unwrap();
    touch(&file, pages, HUGE_PAGE);
    file
}
