//! Settings of the host that decide what can be traced.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};

const TRACING: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Whether the memory controller is in a hierarchy of version 1, by the mount at the usual place:
/// the unified hierarchy, or a tmpfs with a directory for each of the others. `/proc/cgroups` is
/// certain, but waits for `cgroup_mutex` (kernel/cgroup/cgroup-v1.c: proc_cgroupstats_show()), and
/// so never ends on a sick host.
pub(crate) fn memory_is_v1() -> Option<bool> {
    /// include/uapi/linux/magic.h: CGROUP2_SUPER_MAGIC and TMPFS_MAGIC.
    const CGROUP2: i64 = 0x6367_7270;
    const TMPFS: i64 = 0x0102_1994;
    let stat = rustix::fs::statfs("/sys/fs/cgroup").ok()?;
    match stat.f_type {
        CGROUP2 => Some(false),
        TMPFS => Some(true),
        _ => None,
    }
}

/// The mode in brackets: `none [integrity] confidentiality`.
pub(crate) fn lockdown() -> Option<String> {
    let text = fs::read_to_string("/sys/kernel/security/lockdown").ok()?;
    let (_, rest) = text.split_once('[')?;
    rest.split_once(']').map(|(mode, _)| mode.to_owned())
}

/// Functions of a stack that the kernel keeps at most.
pub(crate) fn stack_functions() -> Option<u32> {
    let text = fs::read_to_string("/proc/sys/kernel/perf_event_max_stack").ok()?;
    text.trim().parse().ok()
}

/// Those of the wanted functions that ftrace can reach; `None` if the list cannot be read.
pub(crate) fn traceable(wanted: &HashSet<&str>) -> Option<HashSet<String>> {
    let file = TRACING
        .iter()
        .find_map(|folder| File::open(format!("{folder}/available_filter_functions")).ok())?;
    let mut found = HashSet::new();
    for line in BufReader::new(file).split(b'\n') {
        let Ok(line) = line else { return None };
        let name = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        if let Ok(name) = str::from_utf8(name)
            && wanted.contains(name)
        {
            found.insert(name.to_owned());
        }
    }
    Some(found)
}
