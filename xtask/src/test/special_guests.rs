//! Tests that need a special guest, in boots beside the common one.

use memcg_trace_guest::Cgroup;

use crate::kernel::{REAP_DEADLOCK, Series};

/// A kind of guest, and its tests.
pub struct SpecialGuest {
    /// The start of the names of its tests.
    pub prefix: &'static str,
    /// The description of the guest, after a comma.
    pub note: &'static str,
    pub memory: &'static str,
    pub cgroup: Cgroup,
    /// Additional arguments for QEMU.
    pub qemu: &'static [&'static str],
    /// Additions to the kernel's command line.
    pub append: Option<&'static str>,
    /// Packages of a Debian that is booted in place of the usual guest; empty for the usual guest.
    pub debian: &'static [&'static str],
    /// `/bin` has our own package for Debian instead of the program.
    pub has_package: bool,
    pub on: On,
    /// Tests that only the first and the last kernel run, by the start of their names.
    pub at_the_ends: &'static [&'static str],
    /// Whether the common boot has these tests as well.
    pub also_elsewhere: bool,
}

/// The kernels of a run that have a kind of guest.
#[derive(Clone, Copy)]
pub enum On {
    /// All kernels that can boot it.
    All,
    /// The first and the last: the result does not depend on the kernel.
    TheEnds,
    /// All such kernels, but only with `--long`, or if such a test is asked for by name.
    Long,
    /// One kernel that runs these tests and no others; other kernels may run them, too.
    Only(&'static Series),
}

const PLAIN: SpecialGuest = SpecialGuest {
    prefix: "",
    note: "",
    memory: "1G",
    cgroup: Cgroup::V2,
    qemu: &[],
    append: None,
    debian: &[],
    has_package: false,
    on: On::All,
    at_the_ends: &[],
    also_elsewhere: false,
};

/// A memory module.
const SPARE_MEMORY: &[&str] = &[
    "-object",
    "memory-backend-ram,id=spare,size=256M",
    "-device",
    "pc-dimm,memdev=spare",
];
const SPARE_IS_MOVABLE: Option<&str> = Some("memhp_default_state=online_movable");

/// All kinds of special guests; those that take longest come first.
pub const SPECIAL_GUESTS: &[SpecialGuest] = &[
    // A memory module that can be offlined, since all its pages are movable. It disturbs the kernel
    // while it is there, so other guests do not have it.
    SpecialGuest {
        prefix: "locks::",
        note: ", memory to offline",
        memory: "768M,slots=4,maxmem=4G",
        qemu: SPARE_MEMORY,
        append: SPARE_IS_MOVABLE,
        // Storms look for what depends on time; each kind of wait is tried on each kernel.
        at_the_ends: &["locks::storm::", "locks::spans::storms::"],
        ..PLAIN
    },
    SpecialGuest {
        prefix: "locks::drain::",
        note: ", the kernel of the reap deadlock",
        on: On::Only(&REAP_DEADLOCK),
        ..PLAIN
    },
    SpecialGuest {
        prefix: "v1::",
        note: ", cgroup version 1",
        cgroup: Cgroup::V1,
        ..PLAIN
    },
    // The same test as in a guest of the usual size, with the same bounds.
    SpecialGuest {
        prefix: "size::",
        note: ", 8 GiB",
        memory: "8G",
        on: On::TheEnds,
        also_elsewhere: true,
        ..PLAIN
    },
    SpecialGuest {
        prefix: "userland::",
        note: ", Debian",
        memory: "2G",
        debian: &["crun", "podman", "postgresql", "redis-server"],
        on: On::Long,
        ..PLAIN
    },
    // What docs/fleet describes, with the programs that it names, and the deadlock of `locks::`.
    SpecialGuest {
        prefix: "fleet::",
        note: ", Debian with our package",
        memory: "2G,slots=4,maxmem=4G",
        qemu: SPARE_MEMORY,
        append: SPARE_IS_MOVABLE,
        debian: &["curl", "lintian", "prometheus"],
        has_package: true,
        on: On::Long,
        ..PLAIN
    },
];

/// The kind of guest that a test needs, on a kernel that runs all tests.
pub fn special_guest(name: &str) -> Option<&'static SpecialGuest> {
    let mut all = SPECIAL_GUESTS
        .iter()
        .filter(|one| !matches!(one.on, On::Only(_)));
    all.find(|one| name.starts_with(one.prefix))
}
