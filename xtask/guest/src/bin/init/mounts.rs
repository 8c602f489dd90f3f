//! The file systems of a guest.

use std::fs;

use anyhow::{Context, Result};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};

struct Mount {
    kind: &'static str,
    at: &'static str,
    /// Whether the guest is useless without it; the others depend on the kernel's configuration.
    needed: bool,
}

const MOUNTS: &[Mount] = &[
    Mount {
        kind: "proc",
        at: "/proc",
        needed: true,
    },
    Mount {
        kind: "sysfs",
        at: "/sys",
        needed: true,
    },
    Mount {
        kind: "tmpfs",
        at: "/tmp",
        needed: true,
    },
    Mount {
        kind: "tmpfs",
        at: "/run",
        needed: true,
    },
    Mount {
        kind: "tmpfs",
        at: "/dev/shm",
        needed: true,
    },
    Mount {
        kind: "devpts",
        at: "/dev/pts",
        needed: false,
    },
    Mount {
        kind: "debugfs",
        at: "/sys/kernel/debug",
        needed: false,
    },
    Mount {
        kind: "tracefs",
        at: "/sys/kernel/tracing",
        needed: false,
    },
    Mount {
        kind: "bpf",
        at: "/sys/fs/bpf",
        needed: false,
    },
];

/// Mounts `/dev`, which comes first: the serial ports are there.
pub fn devices() -> Result<()> {
    mount_one("devtmpfs", "/dev", "")
}

/// Mounts everything except `/dev` and the cgroups.
#[expect(
    clippy::print_stderr,
    reason = "standard error is the console, read by people"
)]
pub fn all() -> Result<()> {
    for Mount { kind, at, needed } in MOUNTS {
        match mount_one(kind, at, "") {
            Err(error) if !needed => eprintln!("init: {error:#}"),
            result => result?,
        }
    }
    for (target, link) in [("/proc/self/fd", "/dev/fd"), ("/proc/mounts", "/etc/mtab")] {
        std::os::unix::fs::symlink(target, link).with_context(|| format!("link {link}"))?;
    }
    Ok(())
}

/// Mounts `kind` at `at`, and makes the directory where the file system below allows that.
pub fn mount_one(kind: &str, at: &str, options: &str) -> Result<()> {
    // sysfs has its mount points and refuses new ones; the mount itself fails if one is missing.
    let _ = fs::create_dir_all(at);
    let options = std::ffi::CString::new(options)?;
    match mount(kind, at, kind, MountFlags::empty(), options.as_c_str()) {
        // The kernel may have mounted devtmpfs itself.
        Ok(()) | Err(Errno::BUSY) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("mount {kind} at {at}")),
    }
}
