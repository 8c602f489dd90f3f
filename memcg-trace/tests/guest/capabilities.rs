//! Users other than root: what the README's capabilities give them, and the errors where the host
//! still refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use rustix::fs::{XattrFlags, setxattr};
use serde_json::Value;

use crate::doctor::{chosen, report};
use crate::host::kernel;
use crate::tool::{self, PROGRAM};
use crate::traces::leaves_nothing;

/// include/uapi/linux/capability.h.
const DAC_READ_SEARCH: u32 = 2;
const SYS_RESOURCE: u32 = 24;
const SYSLOG: u32 = 34;
const PERFMON: u32 = 38;
const BPF: u32 = 39;
/// The capabilities of the README.
const USUAL: &[u32] = &[DAC_READ_SEARCH, SYSLOG, PERFMON, BPF];

/// A setting of the host, restored when dropped.
struct Sysctl(String, String);

impl Sysctl {
    fn set(name: &str, value: &str) -> Self {
        let file = format!("/proc/sys/kernel/{name}");
        let before = fs::read_to_string(&file).unwrap();
        fs::write(&file, value).unwrap();
        Self(file, before)
    }
}

impl Drop for Sysctl {
    fn drop(&mut self) {
        let _ = fs::write(&self.0, self.1.trim());
    }
}

/// A copy of the program with capabilities, as `setcap …+ep` makes it.
struct Granted(String);

impl Granted {
    fn new(name: &str, capabilities: &[u32]) -> Self {
        /// include/uapi/linux/capability.h: VFS_CAP_REVISION_2 and VFS_CAP_FLAGS_EFFECTIVE.
        const REVISION: u32 = 0x0200_0001;
        let path = format!("/tmp/granted-{name}");
        fs::copy(PROGRAM, &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let bits: u64 = capabilities.iter().map(|one| 1 << one).sum();
        let (low, high) = (bits as u32, (bits >> 32) as u32);
        let words = [REVISION, low, 0, high, 0].map(u32::to_le_bytes).concat();
        setxattr(&path, "security.capability", &words, XattrFlags::empty()).unwrap();
        Self(path)
    }

    /// Runs the copy as a user without any other privilege.
    fn run(&self, args: &[&str]) -> Output {
        self.run_after("", args)
    }

    fn run_after(&self, script: &str, args: &[&str]) -> Output {
        let script = format!("{script}\nexec {} \"$@\"", self.0);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &script, "sh"]).args(args);
        tool::finish(command.uid(65_534).gid(65_534))
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn fact<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut facts = report["facts"].as_array().unwrap().iter();
    facts.find(|fact| fact["name"] == name).unwrap()
}

/// The README's capabilities, and those that this kernel needs for maps besides.
fn usual() -> Vec<u32> {
    let mut usual = USUAL.to_vec();
    // Until 5.11 maps are bounded by RLIMIT_MEMLOCK.
    if kernel() < (5, 11) {
        usual.push(SYS_RESOURCE);
    }
    usual
}

#[test]
fn those_of_the_readme_are_enough() {
    let _paranoid = Sysctl::set("perf_event_paranoid", "2");
    let granted = Granted::new("usual", &usual());
    leaves_nothing(|| {
        let doctor = granted.run(&["doctor", "--json"]);
        assert_eq!(doctor.status.code(), Some(0));
        let report = report(&doctor);
        assert_eq!(report["verdict"], "ready", "{report}");
        let records = tool::records(&granted.run(&["export", "-n", "2", "-i", "200ms"]));
        let sections = records.last().unwrap().data["sections"].as_array().unwrap();
        for section in sections.iter().filter(|one| one["source"] == "absent") {
            let reason = section["reason"].as_str().unwrap_or_default();
            assert!(!reason.contains("ermi"), "{section}");
        }
        for verb in ["zombies", "pins", "locks", "slab"] {
            let output = granted.run(&[verb, "--json"]);
            assert_eq!(output.status.code(), Some(0), "{verb}");
        }
    });
}

/// Debian and Ubuntu have a level that leaves kprobes to root: verbs without kprobes work.
#[test]
fn a_host_that_leaves_kprobes_to_root() {
    let paranoid = Sysctl::set("perf_event_paranoid", "3");
    let granted = Granted::new("no-kprobes", &usual());
    // A kernel that knows the level starts with it; others treat it as 2.
    if paranoid.1.trim() != "3" {
        let doctor = granted.run(&["doctor", "--json"]);
        assert_eq!(report(&doctor)["verdict"], "ready");
        return;
    }
    leaves_nothing(|| {
        let doctor = granted.run(&["doctor", "--json"]);
        assert_eq!(doctor.status.code(), Some(0));
        let report = report(&doctor);
        assert_eq!(report["verdict"], "partial", "{report}");
        let tried = fact(&report, "kprobe_attach");
        println!("{tried}");
        assert_eq!(tried["ok"], false);
        let fix = tried["fix"].as_str().unwrap();
        assert!(fix.contains("sysctl kernel.perf_event_paranoid=2"), "{fix}");
        assert_eq!(chosen(&report, "memcg_life"), None);
        assert!(chosen(&report, "slab_alloc").is_some());
        for verb in ["zombies", "pins", "locks", "slab"] {
            let output = granted.run(&[verb, "--json"]);
            assert_eq!(output.status.code(), Some(0), "{verb}");
        }
        let text = granted.run(&["--json", "-i", "200ms"]);
        assert!(tool::stdout(&text).contains("kernel.perf_event_paranoid"));
        // The level does not apply to root.
        let all = tool::run(&["doctor", "--json"]);
        assert_eq!(self::report(&all)["verdict"], "ready");
    });
}

/// Verbs that need addresses say why there are none, and what helps; `slab` and `locks` cannot
/// answer without.
fn names_what_hides_addresses(run: impl Fn(&[&str]) -> Output, parts: &[&str]) {
    for verb in ["slab", "locks"] {
        tool::assert_fails(&run(&[verb]), 3, parts);
    }
    let text = tool::stdout(&run(&["doctor"])).to_owned();
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[test]
fn nobody_sees_addresses() {
    let _kptr = Sysctl::set("kptr_restrict", "2");
    let parts = ["kernel.kptr_restrict is 2", "sysctl kernel.kptr_restrict=1"];
    leaves_nothing(|| names_what_hides_addresses(tool::run, &parts));
}

#[test]
fn addresses_are_for_others() {
    let _paranoid = Sysctl::set("perf_event_paranoid", "2");
    let without: Vec<_> = usual().into_iter().filter(|one| *one != SYSLOG).collect();
    let granted = Granted::new("no-addresses", &without);
    leaves_nothing(|| {
        names_what_hides_addresses(|args| granted.run(args), &["CAP_SYSLOG is missing"]);
        for verb in ["zombies", "pins"] {
            assert_eq!(granted.run(&[verb]).status.code(), Some(0), "{verb}");
        }
    });
}

/// Before 5.11 maps are bounded by a limit that ordinary users cannot raise.
#[test]
fn maps_that_are_too_large() {
    let granted = Granted::new("small", USUAL);
    let output = granted.run_after("ulimit -l 64", &["export", "-n", "1"]);
    if kernel() < (5, 11) {
        tool::assert_fails(&output, 3, &["MiB for all maps", "RLIMIT_MEMLOCK"]);
        let doctor = granted.run_after("ulimit -l 64", &["doctor"]);
        assert_eq!(doctor.status.code(), Some(3));
        assert!(tool::stdout(&doctor).contains("RLIMIT_MEMLOCK"));
    } else {
        assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    }
}
