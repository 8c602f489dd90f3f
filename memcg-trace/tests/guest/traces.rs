//! Programs and hooks attached to the kernel, by its own lists.

use std::collections::BTreeSet;
use std::fs;

use crate::host::eventually;

pub const TRACING: &str = "/sys/kernel/tracing";

/// Programs and hooks of all processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traces {
    /// Names of compiled programs.
    pub programs: Vec<String>,
    /// Functions with a kprobe, also kprobes that tracefs does not list.
    pub kprobes: BTreeSet<String>,
    /// Functions that ftrace is enabled on.
    pub functions: BTreeSet<String>,
    /// kprobes made in tracefs.
    pub kprobe_events: String,
}

impl Traces {
    pub fn now() -> Self {
        // Otherwise kallsyms lacks the names of programs.
        fs::write("/proc/sys/net/core/bpf_jit_kallsyms", "1").unwrap();
        let mut programs: Vec<_> = fs::read_to_string("/proc/kallsyms")
            .unwrap()
            .lines()
            .filter(|line| line.ends_with("[bpf]"))
            .filter_map(|line| line.split([' ', '\t']).nth(2)?.strip_prefix("bpf_prog_"))
            .map(str::to_owned)
            .collect();
        programs.sort();
        let column = |path: &str, at: usize| {
            let text = fs::read_to_string(path).unwrap();
            let word = |line: &str| {
                let word = line.split_whitespace().nth(at)?;
                Some(word.split('+').next()?.to_owned())
            };
            text.lines().filter_map(word).collect()
        };
        Self {
            programs,
            kprobes: column("/sys/kernel/debug/kprobes/list", 2),
            functions: column(&format!("{TRACING}/enabled_functions"), 0),
            kprobe_events: fs::read_to_string(format!("{TRACING}/kprobe_events")).unwrap(),
        }
    }

    fn since(&self, before: &Self) -> String {
        format!(
            "programs: {:?}, before {:?}; kprobes: {}; functions: {}; kprobe_events: {:?}",
            self.programs,
            before.programs,
            difference(&self.kprobes, &before.kprobes),
            difference(&self.functions, &before.functions),
            self.kprobe_events
        )
    }
}

fn difference<T: Ord + std::fmt::Debug>(now: &BTreeSet<T>, before: &BTreeSet<T>) -> String {
    let more: Vec<_> = now.difference(before).collect();
    let less: Vec<_> = before.difference(now).collect();
    format!("more {more:?}, less {less:?}")
}

/// Runs `work`, after which the kernel must be as before. The kernel frees programs only after a
/// grace period of RCU.
pub fn leaves_nothing<T>(work: impl FnOnce() -> T) -> T {
    // Programs of the test before may still be freed; there are no others in a guest.
    let before = eventually("programs of others", || match Traces::now() {
        now if now.programs.is_empty() => Ok(now),
        now => Err(format!("{:?}", now.programs)),
    });
    assert_eq!(before.kprobe_events, "");
    let result = work();
    eventually("something is still attached", || match Traces::now() {
        now if now == before => Ok(()),
        now => Err(now.since(&before)),
    });
    result
}
