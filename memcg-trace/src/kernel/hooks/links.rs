//! Missed runs of kprobes. The kernel skips a kprobe that is hit while another one runs on the same
//! CPU, as by an interrupt: the program is not called, and its own counters show nothing.

use std::fs;
use std::os::fd::RawFd;

use crate::kernel::hooks::object_info::info_of;

/// The links of this process, each of which keeps a program attached. aya does not expose them; the
/// open files of this process do.
pub(crate) fn all() -> Vec<RawFd> {
    let Ok(open) = fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let links = open.flatten().filter(|entry| {
        // kernel/bpf/syscall.c: bpf_link_new_file()
        fs::read_link(entry.path()).is_ok_and(|what| what.as_os_str() == "anon_inode:bpf_link")
    });
    let numbers = links.map(|entry| entry.file_name().to_string_lossy().parse());
    numbers.flatten().collect()
}

/// `bpf_link_info.perf_event.kprobe.missed` (include/uapi/linux/bpf.h); 0 for a link of another
/// kind, `None` if this kernel's info is too short to have it (until 6.6).
pub(crate) fn missed(link: RawFd) -> Option<u64> {
    const TYPE_PERF_EVENT: u32 = 7;
    const EVENT_KPROBE: u32 = 3;
    /// Offsets in the info, and its length up to the last of them.
    const EVENT: usize = 16;
    const MISSED: usize = 48;
    const BYTES: usize = MISSED + 8;

    let mut info = [0_u8; BYTES];
    let written = info_of(link, &mut info)?;
    let number = |at: usize| Some(u32::from_ne_bytes(info.get(at..at + 4)?.try_into().ok()?));
    if number(0)? != TYPE_PERF_EVENT || number(EVENT)? != EVENT_KPROBE {
        return Some(0);
    }
    if written < BYTES {
        return None;
    }
    Some(u64::from_ne_bytes(info[MISSED..BYTES].try_into().ok()?))
}
