//! The kernel's info about a program or a link, as far as aya does not expose it.

use std::os::fd::RawFd;

/// Reads the kernel's info about a program or a link, as far as it fits, and returns its length.
pub(crate) fn info_of(object: RawFd, info: &mut [u8]) -> Option<usize> {
    const BPF_OBJ_GET_INFO_BY_FD: i64 = 15;
    let mut attr = InfoAttr {
        bpf_fd: u32::try_from(object).ok()?,
        info_len: u32::try_from(info.len()).ok()?,
        info: info.as_mut_ptr() as u64,
    };
    // SAFETY: bpf(2) reads `attr` and writes at most `info_len` bytes to `info`, and the number
    // that it wrote to `attr.info_len`; both live until it returns.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_OBJ_GET_INFO_BY_FD,
            &raw mut attr,
            size_of::<InfoAttr>(),
        )
    };
    (result == 0).then_some(attr.info_len as usize)
}

/// The part of `union bpf_attr` that `BPF_OBJ_GET_INFO_BY_FD` takes.
#[repr(C)]
struct InfoAttr {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
}
