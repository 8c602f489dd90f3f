//! What a bug report says of this host. None of these files waits for a lock that a sick host may
//! have taken.

use std::fs;

use crate::kernel::host::cpus::possible_cpus;
use crate::kernel::host::settings::memory_is_v1;
use crate::sample::Text;
use crate::sample::host_facts::{HostFacts, Setting};

/// Settings that decide which known bugs a host can have, and their files.
const SETTINGS: &[(&str, &str)] = &[
    ("kernel.core_pattern", "/proc/sys/kernel/core_pattern"),
    ("lru_gen.enabled", "/sys/kernel/mm/lru_gen/enabled"),
    ("fs.dentry-negative", "/proc/sys/fs/dentry-negative"),
];

/// The facts that were read last.
#[derive(Default)]
pub(crate) struct LastFacts(Option<HostFacts>);

impl LastFacts {
    /// Reads the facts; `None` if they are those of the last time.
    pub(crate) fn changed(&mut self) -> Option<HostFacts> {
        let now = read();
        let is_new = self.0.as_ref() != Some(&now);
        is_new.then(|| self.0.insert(now).clone())
    }
}

fn read() -> HostFacts {
    let uname = rustix::system::uname();
    let settings = SETTINGS.iter().filter_map(|(name, file)| {
        Some(Setting {
            name: (*name).to_owned(),
            value: line(file)?,
        })
    });
    let taint = line("/proc/sys/kernel/tainted");
    HostFacts {
        version: Text::from(uname.version().to_bytes()),
        machine: Text::from(uname.machine().to_bytes()),
        cmdline: line("/proc/cmdline"),
        taint: taint.and_then(|taint| str::from_utf8(taint.as_bytes()).ok()?.parse().ok()),
        cpus: Some(possible_cpus()),
        is_cgroup_v1: memory_is_v1(),
        settings: settings.collect(),
    }
}

/// The content of a file, without its newline.
fn line(file: &str) -> Option<Text> {
    let bytes = fs::read(file).ok()?;
    Some(Text::from(bytes.trim_ascii_end()))
}
