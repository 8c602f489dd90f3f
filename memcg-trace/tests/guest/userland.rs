//! A healthy Debian host with systemd and services (`cargo xtask test --long`): the output matches
//! the kernel's figures, every zombie is explained, and there are no findings.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::contract::Document;
use crate::host::{eventually, root_stat};
use crate::tool;

/// Runs of a verb in a row.
const TIMES: usize = 10;

/// Waits until systemd has started all units.
pub fn wait_until_booted() {
    eventually("the system is up", || {
        let mut systemctl = Command::new("systemctl");
        let output = systemctl.args(["is-system-running", "--wait"]).output();
        let state = String::from_utf8(output.unwrap().stdout).unwrap();
        match state.trim() {
            "running" | "degraded" => Ok(()),
            other => Err(other.to_owned()),
        }
    });
}

/// Waits until systemd and its services are up and quiet.
fn wait_until_up() {
    wait_until_booted();
    for unit in ["postgresql", "redis-server"] {
        eventually(unit, || {
            let mut systemctl = Command::new("systemctl");
            let status = systemctl.args(["is-active", "--quiet", unit]).status();
            let is_active = status.unwrap().success();
            is_active.then_some(()).ok_or_else(|| "not active".into())
        });
    }
}

fn document(args: &[&str]) -> Document {
    let output = tool::run(args);
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    Document::parse(tool::stdout(&output))
}

/// Databases at work; killed when dropped.
struct Load(Vec<Child>);

impl Load {
    fn start() -> Self {
        let scripts = [
            "while :; do su postgres -c 'psql -qc \"select count(*) from pg_class, pg_class\"'; done",
            "while :; do redis-cli set key value; redis-cli bgsave; done",
            "while :; do systemd-run --wait --quiet -p MemoryMax=64M true; done",
            "while :; do ls -lR /usr; done",
        ];
        let start = |script: &str| {
            let mut shell = Command::new("sh");
            shell.args(["-c", script]).stdin(Stdio::null());
            shell.stdout(Stdio::null()).stderr(Stdio::null());
            shell.spawn().unwrap()
        };
        Self(scripts.map(start).into())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn no_deadlock_is_found_idle_and_under_load() {
    wait_until_up();
    let ask = || {
        for _ in 0..TIMES {
            let output = tool::run(&["locks", "--fail-on", "deadlock"]);
            let said = tool::stdout(&output);
            assert_eq!(output.status.code(), Some(0), "{said}");
            assert!(said.contains("no deadlock"), "{said}");
        }
    };
    ask();
    let load = Load::start();
    ask();
    drop(load);
}

#[test]
fn every_zombie_is_explained() {
    wait_until_up();
    let pins = document(&["pins", "--json"]);
    let unexplained = |item: &&Value| item["unexplained_refs"] != 0;
    let open: Vec<_> = pins.items.iter().filter(unexplained).collect();
    println!(
        "{} zombies, {} without a closed ledger",
        pins.items.len(),
        open.len()
    );
    // A zombie that came or went meanwhile has no sum to close.
    for zombie in open {
        assert!(zombie["unexplained_refs"].is_null(), "{zombie}");
    }
}

/// Units of mounts and slices have no task, and systemd watches the others.
#[test]
fn nothing_is_abandoned() {
    wait_until_up();
    let look = ["zombies", "--abandoned", "--min-age", "1ms", "--json"];
    let empty = document(&look);
    println!("{}", empty.summary);
    for group in &empty.items {
        println!("{} {}", group["class"], group["sentence"]);
    }
    assert_eq!(empty.not_checked, Value::Array(Vec::new()));
    assert_eq!(empty.summary["abandoned"], 0);
}

#[test]
fn usage_is_the_kernels() {
    wait_until_up();
    // The program runs in the cgroup of this test, whose usage is less when it has ended.
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = format!("{}/", own.trim().trim_start_matches("0::"));
    let is_ours = |path: &str| own.starts_with(&format!("{path}/"));
    let mut off = BTreeMap::new();
    eventually("the same usage from both", || {
        off.clear();
        let export = tool::run(&["export", "-n", "1"]);
        for record in tool::records(&export) {
            let (true, Some(path)) = (record.kind == "memcg", record.path()) else {
                continue;
            };
            if is_ours(path) {
                continue;
            }
            let file = format!("/sys/fs/cgroup{path}/memory.current");
            let Ok(current) = fs::read_to_string(file) else {
                continue;
            };
            let (ours, kernels) = (
                record.number("usage_bytes"),
                current.trim().parse().unwrap(),
            );
            // A running service changes between the two readings.
            if ours.abs_diff(kernels) > kernels / 10 + (1 << 20) {
                off.insert(path.to_owned(), (ours, kernels));
            }
        }
        off.is_empty()
            .then_some(())
            .ok_or_else(|| format!("{off:?}"))
    });
    let zombies = document(&["zombies", "--json"]).items.len() as u64;
    println!(
        "{zombies} zombies, {:?} dying",
        root_stat("nr_dying_descendants")
    );
}
