//! Memory that is charged where it is first touched, and stays there.
#![expect(
    unsafe_code,
    reason = "mmap(2) and shmat(2) have no safe face; what is unsafe of them is here"
)]

use std::os::fd::{AsFd, AsRawFd as _};
use std::ptr;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};

const PAGE: usize = 4096;
/// What one page of a page table maps.
const OF_A_TABLE: usize = 2 << 20;
/// A huge page would be one reference.
const SMALL: Advice = Advice::LinuxNoHugepage;

/// Addresses that no other mapping shares a page table with, so that this goes with what is mapped
/// there. 5.10 charges page tables like memory: another one's mapping would keep the cgroup.
struct Room {
    begin: *mut u8,
    bytes: usize,
}

impl Room {
    fn new(bytes: usize, flags: MapFlags, size: Advice) -> Self {
        let bytes = bytes.next_multiple_of(OF_A_TABLE) + OF_A_TABLE;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a mapping of its own at a place that the kernel chooses.
        let begin = unsafe { mmap_anonymous(ptr::null_mut(), bytes, access, flags) }.unwrap();
        // SAFETY: it is that mapping.
        unsafe { madvise(begin, bytes, size) }.unwrap();
        Self {
            begin: begin.cast(),
            bytes,
        }
    }

    /// Where a page table begins.
    fn at(&self) -> *mut u8 {
        let offset = self.begin.align_offset(OF_A_TABLE);
        // SAFETY: there is room for one more of them.
        unsafe { self.begin.add(offset) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: it is the mapping, and nobody refers to it any more.
        unsafe { munmap(self.begin.cast(), self.bytes) }.unwrap();
    }
}

/// Pages of this process, until it is dropped.
pub struct Memory {
    room: Room,
    pages: usize,
}

// SAFETY: it is the only one to know the mapping.
unsafe impl Send for Memory {}

impl Memory {
    /// Pages of this process alone; not there before they are touched.
    pub fn private(pages: usize) -> Self {
        Self::map(pages, MapFlags::PRIVATE, SMALL)
    }

    /// The same in huge pages as far as there are any: much that comes and goes at once.
    pub fn huge(mib: usize) -> Self {
        Self::map(mib << 20 >> 12, MapFlags::PRIVATE, Advice::LinuxHugepage)
    }

    /// `MAP_SHARED | MAP_ANONYMOUS`: what fork(2) would share.
    pub fn shared(pages: usize) -> Self {
        Self::map(pages, MapFlags::SHARED, SMALL)
    }

    fn map(pages: usize, flags: MapFlags, size: Advice) -> Self {
        Self {
            room: Room::new(pages * PAGE, flags, size),
            pages,
        }
    }

    /// Writes to every page.
    pub fn touch(&self) {
        for page in 0..self.pages {
            // SAFETY: it is within the mapping.
            unsafe { self.room.at().add(page * PAGE).write_volatile(1) };
        }
    }

    /// Writes to every page and keeps it from being moved out.
    pub fn lock(&self) {
        self.touch();
        // SAFETY: it is the mapping.
        unsafe { mlock(self.room.at().cast(), self.pages * PAGE) }.unwrap();
    }
}

impl Memory {
    /// Lets the kernel merge pages of the same contents.
    pub fn let_merge(&self) {
        let (at, bytes) = (self.room.at().cast(), self.pages * PAGE);
        // SAFETY: it is the mapping.
        unsafe { madvise(at, bytes, Advice::LinuxMergeable) }.unwrap();
    }

    /// Where it is.
    pub fn range(&self) -> libc::iovec {
        libc::iovec {
            iov_base: self.room.at().cast(),
            iov_len: self.pages * PAGE,
        }
    }

    /// Gives its pages to a pipe, which has to have room for them.
    pub fn give_to(&self, pipe: impl AsFd) {
        let given = self.range();
        // SAFETY: it is within the mapping; what is in the pipe is not written to any more.
        let bytes = unsafe { libc::vmsplice(pipe.as_fd().as_raw_fd(), &raw const given, 1, 0) };
        assert_eq!(usize::try_from(bytes), Ok(self.pages * PAGE));
    }
}

/// Moves pages from a pipe to a socket, as they are.
pub fn move_pages(pipe: impl AsFd, socket: impl AsFd, pages: usize) {
    let (pipe, socket) = (pipe.as_fd().as_raw_fd(), socket.as_fd().as_raw_fd());
    let mut left = pages * PAGE;
    while left > 0 {
        // SAFETY: no pointer is given but two that say that there is no offset.
        let moved =
            unsafe { libc::splice(pipe, ptr::null_mut(), socket, ptr::null_mut(), left, 0) };
        let moved = usize::try_from(moved).unwrap_or(0);
        assert!(moved > 0, "{}", std::io::Error::last_os_error());
        left -= moved;
    }
}

/// A child that has what its parent had when it was forked, and does nothing.
pub struct Forked(i32);

impl Forked {
    pub fn new() -> Self {
        // SAFETY: the child calls nothing but pause(2).
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            loop {
                // SAFETY: it takes nothing.
                unsafe { libc::pause() };
            }
        }
        assert!(pid > 0, "{}", std::io::Error::last_os_error());
        Self(pid)
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        // SAFETY: it is our child, and was not waited for.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, ptr::null_mut(), 0);
        }
    }
}

/// A SysV segment that nobody is attached to; there until it is removed.
pub struct Segment {
    pub id: i32,
}

impl Segment {
    pub fn new(pages: usize) -> Self {
        // SAFETY: it takes no pointer.
        let id = unsafe { libc::shmget(libc::IPC_PRIVATE, pages * PAGE, libc::IPC_CREAT | 0o600) };
        assert!(id >= 0, "{}", std::io::Error::last_os_error());
        let room = Room::new(pages * PAGE, MapFlags::PRIVATE, SMALL);
        // SAFETY: in the room there is nothing yet.
        let at = unsafe { libc::shmat(id, room.at().cast(), libc::SHM_REMAP) };
        assert_ne!(at.addr(), usize::MAX, "{}", std::io::Error::last_os_error());
        for page in 0..pages {
            // SAFETY: it is within the segment, which is attached there.
            unsafe { at.cast::<u8>().add(page * PAGE).write_volatile(1) };
        }
        // SAFETY: nobody refers to it any more.
        assert_eq!(unsafe { libc::shmdt(at) }, 0);
        Self { id }
    }

    /// `ipcrm -m ID`.
    pub fn remove(self) {
        // SAFETY: this command takes no pointer.
        let removed = unsafe { libc::shmctl(self.id, libc::IPC_RMID, ptr::null_mut()) };
        assert_eq!(removed, 0, "{}", std::io::Error::last_os_error());
    }
}

/// The most memory in pieces that a process has had since its start (proc(5): VmHWM). What waits
/// for it would be told of the most that it had, or who started it had before.
pub fn peak_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib << 10
}
