//! The plugin of node-problem-detector, with tools that answer in every way, and one that hangs.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PLUGIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../contrib/npd/memcg-trace.sh");
const MONITOR: &str = include_str!("../../contrib/npd/memcg-trace-monitor.json");

/// A folder of a test, with a tool that is a script.
struct Tool(PathBuf);

impl Tool {
    fn new(test: &str, script: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let tool = folder.join("memcg-trace");
        fs::write(&tool, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    /// Exit code and output of the plugin.
    fn ask(&self, args: &[&str]) -> (Option<i32>, String) {
        let path = std::env::var("PATH").unwrap();
        let mut plugin = Command::new("sh");
        plugin.arg(PLUGIN).args(args).stdin(Stdio::null());
        plugin.env("PATH", format!("{}:{path}", self.0.display()));
        plugin.env("MEMCG_TRACE_NPD", self.0.join("run"));
        let output = plugin.output().unwrap();
        assert_eq!(output.stderr, b"");
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        // What node-problem-detector takes of it.
        assert!(said.len() <= 160, "{said}");
        (output.status.code(), said)
    }
}

#[test]
fn every_exit_code_has_its_answer() {
    for (of_tool, of_plugin) in [(0, 0), (1, 2), (2, 2), (3, 2), (4, 1), (5, 2), (137, 2)] {
        let script = format!("echo \"$@\" >{{}}; echo much; echo text; exit {of_tool}");
        let tool = Tool::new("npd-codes", &script.replace("{}", "\"$0.args\""));
        for (condition, args) in [
            (
                "deadlock",
                "locks --config /dev/null --fail-on deadlock --quiet\n",
            ),
            (
                "zombies=10000",
                "zombies --config /dev/null --fail-on zombies=10000 --quiet\n",
            ),
        ] {
            let (code, said) = tool.ask(&[condition]);
            assert_eq!(code, Some(of_plugin), "{of_tool}: {said}");
            assert!(said.contains(condition), "{said}");
            let asked = fs::read_to_string(tool.0.join("memcg-trace.args")).unwrap();
            assert_eq!(asked, args);
        }
    }
    let tool = Tool::new("npd-unknown", "exit 4");
    assert_eq!(tool.ask(&["finding=oom; reboot"]).0, Some(2));
    fs::remove_file(tool.0.join("memcg-trace")).unwrap();
    assert_eq!(tool.ask(&["deadlock"]).0, Some(2), "no tool");
}

/// A tool that no signal ends stands for one that sleeps in the kernel.
#[test]
fn a_tool_that_hangs_is_left_alone() {
    let script = "trap '' TERM HUP INT\necho x >>\"$0.started\"\n\
                  while [ ! -e \"$0.stop\" ]; do sleep 0.1; done\nexit 0";
    let tool = Tool::new("npd-hangs", script);
    let begin = Instant::now();
    let (code, said) = tool.ask(&["deadlock", "1"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("none in time"), "{said}");
    // Its output is no pipe of ours, else this would have waited for it.
    assert!(begin.elapsed() < Duration::from_secs(60));
    let (code, said) = tool.ask(&["deadlock", "1"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("not answered yet"), "{said}");
    let started = fs::read_to_string(tool.0.join("memcg-trace.started")).unwrap();
    assert_eq!(started, "x\n", "no second one is started");
    fs::write(tool.0.join("memcg-trace.stop"), "").unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while tool.ask(&["deadlock", "5"]).0 != Some(0) {
        assert!(Instant::now() < end, "it answers again");
    }
}

#[test]
fn the_monitor_asks_the_plugin_within_its_time() {
    let monitor: serde_json::Value = serde_json::from_str(MONITOR).unwrap();
    let conditions = monitor["conditions"].as_array().unwrap();
    let rules = monitor["rules"].as_array().unwrap();
    assert_eq!((conditions.len(), rules.len()), (2, 2));
    for rule in rules {
        let known = conditions
            .iter()
            .any(|one| one["type"] == rule["condition"]);
        assert!(known, "{rule}");
        let own: u64 = rule["args"][1].as_str().unwrap().parse().unwrap();
        let limit = rule["timeout"].as_str().unwrap().strip_suffix('s').unwrap();
        assert!(own + 5 <= limit.parse().unwrap(), "{rule}");
        assert!(rule["path"].as_str().unwrap().ends_with("/memcg-trace.sh"));
    }
}
