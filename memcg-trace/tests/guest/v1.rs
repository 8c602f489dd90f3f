//! The memory controller of cgroup version 1, on kernels that have it: figures of zombies, names,
//! and missing figures. Runs in a guest of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::contract::Document;
use crate::host::{Folder, eventually};
use crate::tool;

const ROOT: &str = "/sys/fs/cgroup/memory";

/// The kernel's count, live and dead; the root is one.
fn memcgs() -> u64 {
    let text = fs::read_to_string("/proc/cgroups").unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("memory\t"))
        .unwrap();
    line.split('\t').nth(2).unwrap().parse().unwrap()
}

fn directories(dir: &Path) -> u64 {
    let below = fs::read_dir(dir).unwrap().flatten();
    let below = below.filter(|entry| entry.file_type().unwrap().is_dir());
    1 + below.map(|entry| directories(&entry.path())).sum::<u64>()
}

fn dead() -> u64 {
    memcgs() - directories(ROOT.as_ref())
}

/// A cgroup that is removed after a file was written in it, whose pages stay.
fn into_zombie(path: &str, file: &str) {
    let dir = format!("{ROOT}{path}");
    fs::create_dir(&dir).unwrap();
    let script = "echo $$ > \"$0\"/cgroup.procs && dd if=/dev/zero of=\"$1\" bs=4k count=20 2>&-";
    let status = Command::new("sh").args(["-c", script, &dir, file]).status();
    assert!(status.unwrap().success());
    eventually("rmdir", || {
        fs::remove_dir(&dir).map_err(|error| error.to_string())
    });
}

fn document(args: &[&str]) -> Document {
    let output = tool::run(args);
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    Document::parse(tool::stdout(&output))
}

fn paths(items: &[Value]) -> BTreeSet<&str> {
    items
        .iter()
        .map(|item| item["path"].as_str().unwrap())
        .collect()
}

#[test]
fn census_and_names() {
    let folder = Folder::new("v1");
    for dir in ["live", "live/below"] {
        fs::create_dir(format!("{ROOT}/{dir}")).unwrap();
    }
    let zombies: Vec<_> = (0..20)
        .map(|which| match which % 2 {
            0 => format!("/z-{which}"),
            _ => format!("/live/z-{which}"),
        })
        .collect();
    for (which, path) in zombies.iter().enumerate() {
        into_zombie(path, &folder.file(&which.to_string()));
    }
    assert_eq!(dead(), zombies.len() as u64);

    let found = document(&["zombies", "--json"]);
    println!("{}; the kernel has {}", found.summary, dead());
    assert_eq!(found.items.len(), zombies.len());
    assert_eq!(
        paths(&found.items),
        zombies.iter().map(String::as_str).collect()
    );
    assert_eq!(found.summary["zombies"], dead());
    assert_eq!(found.summary["memcgs"], memcgs());

    let all = document(&["--json"]);
    let live = all.items.iter().filter(|memcg| memcg["phase"].is_null());
    let live: Vec<_> = live.cloned().collect();
    assert_eq!(paths(&live), ["/", "/live", "/live/below"].into());

    let pins = document(&["pins", &zombies[3], "--json"]);
    println!("{}", pins.items[0]);
    assert_eq!(pins.items[0]["unexplained_refs"], 0);
    let pages = pins.items[0]["pins"].as_array().unwrap().iter();
    let pages: Vec<_> = pages.filter(|pin| pin["kind"] == "page_shmem").collect();
    assert_eq!(pages[0]["refs"], 20);

    drop(folder);
    eventually("released", || match dead() {
        0 => Ok(()),
        dead => {
            // Charges of other memcgs make the CPUs release their stock.
            let script = "echo $$ > \"$0\"/cgroup.procs; taskset 1 true; taskset 2 true";
            let live = format!("{ROOT}/live");
            let status = Command::new("sh").args(["-c", script, &live]).status();
            Err(format!("{dead} are left, {status:?}"))
        }
    });
    let none = document(&["zombies", "--json"]);
    assert!(none.items.is_empty(), "{:?}", none.items);
    for dir in ["live/below", "live"] {
        fs::remove_dir(format!("{ROOT}/{dir}")).unwrap();
    }
}

#[test]
fn doctor_names_what_is_missing() {
    let doctor = document(&["doctor", "--json"]);
    let facts = doctor.items[0]["facts"].as_array().unwrap();
    let of_v1: Vec<_> = facts
        .iter()
        .filter(|fact| fact.to_string().contains("v1") || fact.to_string().contains("version 1"))
        .collect();
    println!("{of_v1:?}");
    assert!(!of_v1.is_empty(), "{facts:?}");
}
