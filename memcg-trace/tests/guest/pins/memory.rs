//! Memory that is charged to the cgroup of its first touch, and stays there.
#![expect(
    unsafe_code,
    reason = "mmap(2) and shmat(2) have no safe face; what is unsafe of them is here"
)]

use std::os::fd::{AsFd, AsRawFd as _};
use std::ptr;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap, mmap_anonymous, munmap};

const PAGE: usize = 4096;
/// Bytes that one page table maps.
const OF_A_TABLE: usize = 2 << 20;
/// A huge page would be one reference.
const SMALL: Advice = Advice::LinuxNoHugepage;

/// Addresses whose page table no other mapping shares, so that the table goes with the memory
/// there. 5.10 charges page tables like memory: another mapping in the same table would keep the
/// cgroup.
struct Room {
    begin: *mut u8,
    bytes: usize,
}

impl Room {
    fn new(bytes: usize, flags: MapFlags, size: Advice) -> Self {
        let bytes = bytes.next_multiple_of(OF_A_TABLE) + OF_A_TABLE;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let begin = unsafe { mmap_anonymous(ptr::null_mut(), bytes, access, flags) }.unwrap();
        // SAFETY: this is the whole mapping.
        unsafe { madvise(begin, bytes, size) }.unwrap();
        Self {
            begin: begin.cast(),
            bytes,
        }
    }

    /// The first address that begins a page table.
    fn at(&self) -> *mut u8 {
        let offset = self.begin.align_offset(OF_A_TABLE);
        // SAFETY: the mapping has one more page table than is needed.
        unsafe { self.begin.add(offset) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping, and nothing refers to it any more.
        unsafe { munmap(self.begin.cast(), self.bytes) }.unwrap();
    }
}

/// Pages of this process, until it is dropped.
pub struct Memory {
    room: Room,
    pages: usize,
}

// SAFETY: nothing else refers to the mapping.
unsafe impl Send for Memory {}

impl Memory {
    /// Pages of this process alone; absent until touched.
    pub fn private(pages: usize) -> Self {
        Self::map(pages, MapFlags::PRIVATE, SMALL)
    }

    /// Private pages, huge where possible: much memory that is quickly made and freed.
    pub fn huge(mib: usize) -> Self {
        Self::map(mib << 20 >> 12, MapFlags::PRIVATE, Advice::LinuxHugepage)
    }

    /// `MAP_SHARED | MAP_ANONYMOUS`, which fork(2) would share.
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
            // SAFETY: the address is within the mapping.
            unsafe { self.room.at().add(page * PAGE).write_volatile(1) };
        }
    }

    /// Writes to every page and locks it in memory.
    pub fn lock(&self) {
        self.touch();
        // SAFETY: this is the mapping.
        unsafe { mlock(self.room.at().cast(), self.pages * PAGE) }.unwrap();
    }
}

impl Memory {
    /// Lets the kernel merge pages with the same contents.
    pub fn let_merge(&self) {
        let (at, bytes) = (self.room.at().cast(), self.pages * PAGE);
        // SAFETY: this is the mapping.
        unsafe { madvise(at, bytes, Advice::LinuxMergeable) }.unwrap();
    }

    /// The address range of the memory.
    pub fn range(&self) -> libc::iovec {
        libc::iovec {
            iov_base: self.room.at().cast(),
            iov_len: self.pages * PAGE,
        }
    }

    /// Gives the pages to a pipe, which must have space for them.
    pub fn give_to(&self, pipe: impl AsFd) {
        let given = self.range();
        // SAFETY: the range is within the mapping; pages in the pipe are not written to any more.
        let bytes = unsafe { libc::vmsplice(pipe.as_fd().as_raw_fd(), &raw const given, 1, 0) };
        assert_eq!(usize::try_from(bytes), Ok(self.pages * PAGE));
    }
}

/// Moves pages from a pipe to a socket, without copying.
pub fn move_pages(pipe: impl AsFd, socket: impl AsFd, pages: usize) {
    let (pipe, socket) = (pipe.as_fd().as_raw_fd(), socket.as_fd().as_raw_fd());
    let mut left = pages * PAGE;
    while left > 0 {
        // SAFETY: the only pointers are null, which means no offset.
        let moved =
            unsafe { libc::splice(pipe, ptr::null_mut(), socket, ptr::null_mut(), left, 0) };
        let moved = usize::try_from(moved).unwrap_or(0);
        assert!(moved > 0, "{}", std::io::Error::last_os_error());
        left -= moved;
    }
}

/// A child that has its parent's memory and files as of the fork, and does nothing.
pub struct Forked(i32);

impl Forked {
    pub fn new() -> Self {
        // SAFETY: the child calls nothing but pause(2).
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            loop {
                // SAFETY: pause(2) takes no arguments.
                unsafe { libc::pause() };
            }
        }
        assert!(pid > 0, "{}", std::io::Error::last_os_error());
        Self(pid)
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        // SAFETY: this is our child, and was not waited for.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, ptr::null_mut(), 0);
        }
    }
}

/// A SysV segment that nobody is attached to; it exists until it is removed.
pub struct Segment {
    pub id: i32,
}

impl Segment {
    pub fn new(pages: usize) -> Self {
        // SAFETY: the call takes no pointer.
        let id = unsafe { libc::shmget(libc::IPC_PRIVATE, pages * PAGE, libc::IPC_CREAT | 0o600) };
        assert!(id >= 0, "{}", std::io::Error::last_os_error());
        let room = Room::new(pages * PAGE, MapFlags::PRIVATE, SMALL);
        // SAFETY: nothing uses the addresses of the room yet.
        let at = unsafe { libc::shmat(id, room.at().cast(), libc::SHM_REMAP) };
        assert_ne!(at.addr(), usize::MAX, "{}", std::io::Error::last_os_error());
        for page in 0..pages {
            // SAFETY: the address is within the segment, which is attached there.
            unsafe { at.cast::<u8>().add(page * PAGE).write_volatile(1) };
        }
        // SAFETY: nothing refers to the address any more.
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

/// The most resident memory that a process has had since its start (proc(5): VmHWM). The figure of
/// wait4(2) may be that of the process before execve(2).
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

/// The ring of a packet socket, mapped until it is dropped (Documentation/networking/packet_mmap.rst).
pub struct Ring(*mut u8);

impl Ring {
    const BYTES: usize = 16 * PAGE;

    pub fn of(socket: impl AsFd) -> Self {
        /// `PACKET_RX_RING` (include/uapi/linux/if_packet.h).
        const RECEIVE: libc::c_int = 5;
        // struct tpacket_req: the size and number of blocks, and of frames.
        let request: [u32; 4] = [PAGE as u32, 16, PAGE as u32, 16];
        let socket = socket.as_fd();
        // SAFETY: the request lives as long as the call, which gets its size.
        let outcome = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_PACKET,
                RECEIVE,
                request.as_ptr().cast(),
                size_of_val(&request) as libc::socklen_t,
            )
        };
        assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let mapped = unsafe {
            mmap(
                ptr::null_mut(),
                Self::BYTES,
                access,
                MapFlags::SHARED,
                socket,
                0,
            )
        };
        Self(mapped.unwrap().cast())
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping, and nothing refers to it.
        unsafe { munmap(self.0.cast(), Self::BYTES) }.unwrap();
    }
}
