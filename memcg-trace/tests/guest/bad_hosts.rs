//! Hosts that lack something: the tool works all the same, or names in one line what is missing.

use std::fs;

use serde_json::Value;

use crate::host::{Cgroup, Folder, directories, memcgs};
use crate::tool;
use crate::traces::leaves_nothing;

/// One snapshot as a JSON document.
fn document(output: &std::process::Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(output));
    let text = tool::stdout(output);
    assert_eq!(text.lines().count(), 1);
    let document: Value = serde_json::from_str(text).unwrap();
    document["data"].clone()
}

/// The entries of `not_checked` in a document, with their reasons.
fn not_checked(data: &Value) -> Vec<(String, String)> {
    let all = data["not_checked"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lacks = all
        .iter()
        .map(|one| (text(&one["what"]), text(&one["reason"])));
    lacks
        .inspect(|(what, reason)| println!("no {what}: {reason}"))
        .collect()
}

/// Memory cgroups are reported in any case.
fn assert_memcgs(data: &Value) {
    let items = data["items"].as_array().unwrap();
    let live = items.iter().filter(|memcg| memcg["phase"].is_null());
    assert_eq!(live.count(), memcgs().len());
}

#[test]
fn no_privilege() {
    leaves_nothing(|| {
        for args in [
            &["export", "-n", "1"][..],
            &["record", "/tmp/none"],
            &["live"],
            &[],
        ] {
            let output = tool::as_nobody(args);
            tool::assert_fails(&output, 3, &["privilege", "CAP_"]);
            assert_eq!(tool::stdout(&output), "");
        }
    });
    assert!(!fs::exists("/tmp/none").unwrap(), "a file for nothing");
}

/// Addresses in kallsyms are zeros then, for root too.
struct Hidden(String);

impl Hidden {
    const FILE: &str = "/proc/sys/kernel/kptr_restrict";

    fn addresses() -> Self {
        let before = fs::read_to_string(Self::FILE).unwrap();
        fs::write(Self::FILE, "2").unwrap();
        Self(before)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = fs::write(Self::FILE, &self.0);
    }
}

#[test]
fn hidden_addresses() {
    let cgroup = Cgroup::new("hidden");
    leaves_nothing(|| {
        let hidden = Hidden::addresses();
        let text = fs::read_to_string("/proc/kallsyms").unwrap();
        assert!(
            text.lines()
                .all(|line| line.starts_with("0000000000000000 "))
        );
        let folder = Folder::new("hidden-addresses");
        let tape = folder.file("tape");
        let output = tool::run(&["record", &tape, "-n", "1"]);
        assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
        let data = document(&tool::run(&["--json", "--from", &tape]));
        assert_memcgs(&data);
        let lacks = not_checked(&data);
        let slab = lacks.iter().find(|(what, _)| what == "slab");
        let (_, reason) = slab.expect("slab needs addresses, and does not say so");
        assert!(
            reason.contains("kallsyms") || reason.contains("address"),
            "{reason}"
        );
        // A missing figure in a stream is marked there, never 0.
        let records = tool::records(&tool::run(&["export", "--from", &tape]));
        let sections = &records.last().unwrap().data["sections"];
        let slab = sections
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "slab");
        assert_eq!(slab.unwrap()["source"], "absent");
        assert!(
            records
                .iter()
                .any(|record| record.is_of("memcg", &cgroup.path()))
        );
        let doctor = tool::run(&["doctor"]);
        assert_eq!(doctor.status.code(), Some(0));
        assert!(tool::stdout(&doctor).contains("kptr_restrict"));
        drop(hidden);
    });
}

#[test]
fn no_tracefs() {
    leaves_nothing(|| {
        let script = "umount -l /sys/kernel/debug && umount -l /sys/kernel/tracing";
        let data = document(&tool::hidden(script, &["--json"]));
        assert_memcgs(&data);
        let lacks = not_checked(&data);
        assert!(lacks.is_empty(), "nothing of it needs tracefs: {lacks:?}");
        let doctor = tool::hidden(script, &["doctor"]);
        assert_eq!(doctor.status.code(), Some(0));
        assert!(tool::stdout(&doctor).contains("not readable"));
    });
}

#[test]
fn no_btf() {
    leaves_nothing(|| {
        let script = "mount -t tmpfs none /sys/kernel/btf";
        let output = tool::hidden(script, &["export", "-n", "1"]);
        tool::assert_fails(&output, 3, &["BTF", "/sys/kernel/btf/vmlinux"]);
        assert_eq!(tool::hidden(script, &["doctor"]).status.code(), Some(3));
    });
}

/// If a deadlock blocks the cgroup file system, the tool still sees everything.
#[test]
fn no_cgroup_file_system() {
    let cgroups = [Cgroup::new("unseen"), Cgroup::new("unseen-2")];
    let script = "umount -l /sys/fs/cgroup";
    let data = document(&tool::hidden(script, &["--json"]));
    assert_memcgs(&data);
    let items = data["items"].as_array().unwrap();
    for cgroup in &cgroups {
        assert!(items.iter().any(|memcg| memcg["path"] == cgroup.path()));
    }
}

#[test]
fn an_unknown_cgroup() {
    let cgroup = Cgroup::new("known-service");
    let child = cgroup.child("below");
    let unknown = tool::run(&["export", "-n", "1", "--cgroup", "/known-servic"]);
    tool::assert_fails(&unknown, 1, &["/known-servic", "/known-service"]);
    // Only the cgroup that exists is shown.
    let known = tool::run(&["export", "-n", "1", "--cgroup", "/known-service"]);
    let records = tool::records(&known);
    let paths: Vec<_> = records
        .iter()
        .filter(|record| record.kind == "memcg")
        .map(|record| record.path().unwrap())
        .collect();
    println!("{paths:?} of {} directories", directories());
    assert_eq!(paths, [cgroup.path(), child.path()]);
}
