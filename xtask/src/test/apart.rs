//! Tests that need a guest of their own kind, in boots beside the one for all others.

use memcg_trace_guest::Cgroup;

use crate::kernel::{DRAINING, Series};

/// A kind of guest, and the tests that are for it.
pub struct Apart {
    /// How their names begin.
    pub prefix: &'static str,
    /// What is special, after a comma.
    pub note: &'static str,
    pub memory: &'static str,
    pub cgroup: Cgroup,
    /// More arguments for QEMU.
    pub qemu: &'static [&'static str],
    /// More for the kernel's command line.
    pub append: Option<&'static str>,
    /// Packages of a Debian that is booted in place of the usual guest; none where that is booted.
    pub debian: &'static [&'static str],
    pub on: On,
    /// Whether the boot for all others has these tests as well.
    pub also_elsewhere: bool,
}

/// The kernels of a run that have a kind of guest.
#[derive(Clone, Copy)]
pub enum On {
    /// All that can.
    All,
    /// The first and the last: what is looked at does not depend on the kernel.
    TheEnds,
    /// All, but only with `--long`, or where such a test is asked for by name.
    Long,
    /// One that runs these tests and no others. They need not be for it alone.
    Only(&'static Series),
}

const PLAIN: Apart = Apart {
    prefix: "",
    note: "",
    memory: "1G",
    cgroup: Cgroup::V2,
    qemu: &[],
    append: None,
    debian: &[],
    on: On::All,
    also_elsewhere: false,
};

/// All of them; those that take longest come first.
pub const APART: &[Apart] = &[
    // Memory to take away: a module of it, whose pages can all be moved. It goes in the kernel's
    // way as long as it is there, so that others are without it.
    Apart {
        prefix: "locks::",
        note: ", memory to take away",
        memory: "768M,slots=4,maxmem=4G",
        qemu: &[
            "-object",
            "memory-backend-ram,id=spare,size=256M",
            "-device",
            "pc-dimm,memdev=spare",
        ],
        append: Some("memhp_default_state=online_movable"),
        ..PLAIN
    },
    Apart {
        prefix: "locks::drain::",
        note: ", the kernel of the reap deadlock",
        on: On::Only(&DRAINING),
        ..PLAIN
    },
    Apart {
        prefix: "v1::",
        note: ", cgroup version 1",
        cgroup: Cgroup::V1,
        ..PLAIN
    },
    // The same as in a guest of the usual size, within the same bounds.
    Apart {
        prefix: "size::",
        note: ", 8 GiB",
        memory: "8G",
        on: On::TheEnds,
        also_elsewhere: true,
        ..PLAIN
    },
    Apart {
        prefix: "userland::",
        note: ", Debian",
        memory: "2G",
        debian: &["crun", "podman", "postgresql", "redis-server"],
        on: On::Long,
        ..PLAIN
    },
];

/// The kind of guest that a test needs, on a kernel that runs all tests.
pub fn apart(name: &str) -> Option<&'static Apart> {
    let mut all = APART.iter().filter(|one| !matches!(one.on, On::Only(_)));
    all.find(|one| name.starts_with(one.prefix))
}
