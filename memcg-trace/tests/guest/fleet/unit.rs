//! The hardened unit: what it may, and that it does all of its work all the same.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::http::get;
use crate::exposition::Metrics;
use crate::host::eventually;
use crate::tool;

const UNIT: &str = include_str!("../../../../contrib/systemd/memcg-trace.service");
const REQUIREMENTS: &str = include_str!("../../../../docs/requirements.md");
/// include/uapi/linux/capability.h.
const NAMES: [(&str, u32); 5] = [
    ("CAP_SYS_ADMIN", 21),
    ("CAP_SYS_RESOURCE", 24),
    ("CAP_SYSLOG", 34),
    ("CAP_PERFMON", 38),
    ("CAP_BPF", 39),
];

fn systemctl(args: &[&str]) -> String {
    let output = Command::new("systemctl").args(args).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn bits(names: &str) -> u64 {
    let one = |name: &str| {
        let (_, bit) = NAMES.iter().find(|(known, _)| *known == name).unwrap();
        1 << bit
    };
    names.split_whitespace().map(one).sum()
}

/// The capabilities that a line of the documents names.
fn documented(start: &str) -> u64 {
    let line = REQUIREMENTS
        .lines()
        .find_map(|line| line.strip_prefix(start));
    let words = line.unwrap().split('`').skip(1).step_by(2);
    bits(&words.collect::<Vec<_>>().join(" "))
}

/// Each thread has another user than root, and those capabilities that the documents say it keeps.
pub fn runs_without_root() {
    let pid = systemctl(&["show", "--property=MainPID", "--value", "memcg-trace"]);
    let kept = documented("Once `serve` is ready it keeps ");
    let most = UNIT
        .lines()
        .find_map(|line| line.strip_prefix("CapabilityBoundingSet="));
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let mut threads = 0;
    for task in tasks {
        let status = fs::read_to_string(task.path().join("status")).unwrap();
        let field = |name: &str| {
            let mut lines = status.lines().filter_map(|line| line.strip_prefix(name));
            lines.next().unwrap().trim().to_owned()
        };
        let set = |name: &str| u64::from_str_radix(&field(name), 16).unwrap();
        for name in ["CapEff:", "CapPrm:", "CapAmb:"] {
            assert_eq!(set(name), kept, "{name} of {}", field("Name:"));
        }
        assert_eq!(set("CapBnd:"), bits(most.unwrap()));
        assert_eq!(field("NoNewPrivs:"), "1");
        let users = field("Uid:");
        assert!(users.split_whitespace().all(|uid| uid != "0"), "{users}");
        threads += 1;
    }
    let judged = Command::new("systemd-analyze")
        .args(["security", "--no-pager", "memcg-trace"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&judged.stdout);
    println!(
        "{threads} threads; {}",
        said.lines().last().unwrap_or_default()
    );
    assert!(judged.status.success(), "{said}");
    let folder = systemctl(&["show", "--property=ControlGroup", "--value", "memcg-trace"]);
    let peak = fs::read_to_string(format!("/sys/fs/cgroup{folder}/memory.peak"));
    println!("memory.peak {:?}", peak.map(|peak| peak.trim().to_owned()));
}

/// Subjects that no flag and no event has to be there for.
const SUBJECTS: [&str; 7] = [
    "lock", "memcg", "reclaim", "shrinker", "slab", "tax", "waits",
];

/// Sections that were read.
fn known(metrics: &Metrics) -> BTreeSet<String> {
    let all = metrics.series.iter();
    let known = all.filter(|(name, _, value)| name == "memcg_trace_section_known" && *value == 1.0);
    known
        .map(|(_, labels, _)| labels["section"].clone())
        .collect()
}

/// The unit has all that root has.
pub fn has_all_subjects() {
    let file = "/run/of-root.prom";
    let args = ["serve", "--textfile", file, "-n", "3"];
    let output = tool::run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    let of_root = known(&Metrics::prometheus(&fs::read_to_string(file).unwrap()));
    let _ = fs::remove_file(file);
    for subject in SUBJECTS {
        assert!(of_root.contains(subject), "{subject}: {of_root:?}");
    }
    let of_unit = eventually("all subjects", || {
        let text = get(10_977, "/metrics", "text/plain")?;
        let of_unit = known(&Metrics::prometheus(&text));
        let missing: Vec<_> = of_root.difference(&of_unit).collect();
        match missing.is_empty() {
            true => Ok(of_unit),
            false => Err(format!("without {missing:?}")),
        }
    });
    println!("{of_unit:?}");
}
