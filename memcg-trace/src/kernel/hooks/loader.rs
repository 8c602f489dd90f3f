//! A loader without the kernel's types. aya has each loader read all of them, for relocations that
//! our object does not have, which takes as long as the rest of loading. Only a file that does not
//! open stops it, so the loader is made by a thread that may open no file.

use std::io;
use std::thread;

use aya::EbpfLoader;

/// Makes the loader; where threads cannot be restricted so, it reads all types.
pub(crate) fn without_types<'a>() -> EbpfLoader<'a> {
    let restricted = thread::scope(|scope| {
        let made = scope.spawn(|| {
            refuse_to_open()?;
            io::Result::Ok(EbpfLoader::new())
        });
        made.join()
    });
    match restricted {
        Ok(Ok(loader)) => loader,
        _ => EbpfLoader::new(),
    }
}

/// Has the kernel refuse all further opens of files by this thread.
fn refuse_to_open() -> io::Result<()> {
    /// The offset of the system call's number in `struct seccomp_data`.
    const NUMBER: u32 = 0;
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const SKIP_UNLESS: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let refused = libc::SECCOMP_RET_ERRNO | libc::ENOENT.cast_unsigned();
    let opens = u32::try_from(libc::SYS_openat).map_err(io::Error::other)?;
    let step = |code, jf, k| libc::sock_filter { code, jt: 0, jf, k };
    let mut filter = [
        step(LOAD, 0, NUMBER),
        step(SKIP_UNLESS, 1, opens),
        step(RETURN, 0, refused),
        step(RETURN, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: the kernel copies the filter, which lives until it returns.
    let result = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
