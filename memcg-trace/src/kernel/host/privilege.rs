//! Permissions: what the kernel allows, by a capability together with a setting of the host.

use std::{fs, io};

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

/// Capabilities that matter here (include/uapi/linux/capability.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// `CAP_DAC_READ_SEARCH`: read `available_filter_functions`.
    DacReadSearch = 2,
    /// `CAP_SYS_ADMIN`: all of tracing.
    SysAdmin = 21,
    /// `CAP_SYSLOG`: see addresses in kallsyms.
    Syslog = 34,
    /// `CAP_PERFMON`: attach tracing programs and read the kernel from them.
    Perfmon = 38,
    /// `CAP_BPF`: load programs.
    Bpf = 39,
}

/// The privileges of a process, and the settings that decide with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privilege {
    /// Effective capabilities, as bits.
    pub capabilities: u64,
    /// `kernel.kptr_restrict`.
    pub kptr_restrict: Option<u32>,
    /// `kernel.perf_event_paranoid`; may be negative.
    pub perf_event_paranoid: Option<i32>,
}

/// A refusal of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub why: &'static str,
    /// The remedy for the user.
    pub fix: &'static str,
}

impl Refusal {
    /// Reason and remedy in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{} (fix: {})", self.why, self.fix)
    }
}

impl Privilege {
    /// The privilege of this process, on this host.
    #[must_use]
    pub fn here() -> Self {
        Self {
            capabilities: effective_capabilities(),
            kptr_restrict: setting("kptr_restrict"),
            perf_event_paranoid: setting("perf_event_paranoid"),
        }
    }

    /// The privilege of a process that may do everything.
    #[must_use]
    pub fn of_all() -> Self {
        Self {
            capabilities: u64::MAX,
            kptr_restrict: None,
            perf_event_paranoid: None,
        }
    }

    /// Whether a capability is held, or another one that includes it. No other includes that for
    /// addresses (kernel/kallsyms.c: kallsyms_show_value()).
    #[must_use]
    pub fn can(&self, capability: Capability) -> bool {
        let has = |one: Capability| self.capabilities & (1 << one as u32) != 0;
        has(capability) || (capability != Capability::Syslog && has(Capability::SysAdmin))
    }

    /// The reason why addresses in kallsyms are hidden, if they are.
    #[must_use]
    pub fn hides_addresses(&self) -> Refusal {
        let is_for_nobody = self.kptr_restrict.is_some_and(|level| level >= 2);
        let (why, fix) = match (is_for_nobody, self.can(Capability::Syslog)) {
            (true, true) => (
                "kernel.kptr_restrict is 2, so the kernel hides its addresses from everybody",
                "sysctl kernel.kptr_restrict=1",
            ),
            (true, false) => (
                "kernel.kptr_restrict is 2 and CAP_SYSLOG is missing, so the kernel hides its \
                 addresses",
                "sysctl kernel.kptr_restrict=1, and grant CAP_SYSLOG (setcap) or run as root",
            ),
            (false, false) => (
                "CAP_SYSLOG is missing, so the kernel hides its addresses",
                "grant CAP_SYSLOG (setcap) or run as root",
            ),
            (false, true) => (
                "the kernel hides its addresses although CAP_SYSLOG is held",
                "sysctl kernel.kptr_restrict=1, in the first user namespace",
            ),
        };
        Refusal { why, fix }
    }

    /// The reason why a kprobe is refused, if it is. Distributions have levels above 2 that reserve
    /// all of `perf_event_open()` to CAP_SYS_ADMIN; upstream has not, so only a trial tells.
    #[must_use]
    pub fn refuses_kprobes(&self) -> Refusal {
        let is_closed = self.perf_event_paranoid.is_some_and(|level| level > 2);
        let (why, fix) = match (is_closed, self.can(Capability::Perfmon)) {
            (true, true) => (
                "kernel.perf_event_paranoid is above 2, which leaves kprobes to CAP_SYS_ADMIN here",
                "sysctl kernel.perf_event_paranoid=2, or grant CAP_SYS_ADMIN (setcap)",
            ),
            (_, false) => (
                "CAP_PERFMON is missing",
                "grant CAP_PERFMON (setcap) or run as root",
            ),
            (false, true) => (
                "the kernel refuses kprobes although CAP_PERFMON is held",
                "see /proc/sys/kernel/perf_event_paranoid, and the security modules of this host",
            ),
        };
        Refusal { why, fix }
    }
}

/// Gives up what only attaching needs, for this thread and those that it starts from now on:
/// `CAP_SYS_RESOURCE` for the limit of locked memory, and `CAP_SYS_ADMIN`, unless it stands for the
/// two that later questions need.
///
/// # Errors
///
/// The kernel has a rule of its own against it.
pub fn give_up_attaching() -> io::Result<()> {
    let mut sets = capabilities(None)?;
    let later = CapabilitySet::BPF | CapabilitySet::PERFMON;
    let mut unneeded = CapabilitySet::SYS_RESOURCE;
    if sets.effective.contains(later) {
        unneeded |= CapabilitySet::SYS_ADMIN;
    }
    for set in [
        &mut sets.effective,
        &mut sets.permitted,
        &mut sets.inheritable,
    ] {
        set.remove(unneeded);
    }
    Ok(set_capabilities(None, sets)?)
}

fn effective_capabilities() -> u64 {
    fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("CapEff:"))?;
            u64::from_str_radix(line.trim(), 16).ok()
        })
        .unwrap_or(0)
}

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(capabilities: &[Capability]) -> Privilege {
        let bits = capabilities.iter().map(|one| 1 << *one as u32).sum();
        Privilege {
            capabilities: bits,
            kptr_restrict: Some(1),
            perf_event_paranoid: Some(2),
        }
    }

    #[test]
    fn each_reason_has_its_own_remedy() {
        let nobody = holding(&[]);
        assert!(nobody.hides_addresses().why.starts_with("CAP_SYSLOG"));
        assert!(!nobody.hides_addresses().fix.contains("sysctl"));
        let admin = holding(&[Capability::SysAdmin]);
        assert!(!admin.can(Capability::Syslog) && admin.can(Capability::Bpf));
        let root = Privilege {
            kptr_restrict: Some(2),
            ..holding(&[Capability::Syslog])
        };
        assert_eq!(root.hides_addresses().fix, "sysctl kernel.kptr_restrict=1");
        let debian = Privilege {
            perf_event_paranoid: Some(3),
            ..holding(&[Capability::Perfmon])
        };
        assert!(debian.refuses_kprobes().sentence().contains("=2"));
        assert!(nobody.refuses_kprobes().why.starts_with("CAP_PERFMON"));
    }
}
