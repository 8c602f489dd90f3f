//! `doctor` on a host that has everything, against the kernel's own lists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::export::Export;
use crate::host::kernel;
use crate::lock::holds_are_counted;
use crate::tool;
use crate::traces::{TRACING, Traces, leaves_nothing};

/// The one item of `doctor --json`.
pub fn report(output: &std::process::Output) -> Value {
    let text = tool::stdout(output);
    assert_eq!(text.lines().count(), 1, "{text}");
    crate::contract::tame(text.trim_end());
    let document: Value = serde_json::from_str(text).unwrap();
    assert_eq!(document["schema"], 1);
    assert_eq!(document["type"], "doctor");
    let items = document["data"]["items"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    items[0].clone()
}

/// The hook chosen for a fact, such as `kprobe:do_shrink_slab`.
pub fn chosen(report: &Value, fact: &str) -> Option<String> {
    let hooks = report["hooks"].as_array().unwrap();
    let hook = hooks.iter().find(|hook| hook["fact"] == fact).unwrap();
    hook["chosen"].as_str().map(str::to_owned)
}

/// The places of all chosen hooks of one family, but for those of `slab --callers`.
fn places(report: &Value, family: &str) -> BTreeSet<String> {
    let hooks = report["hooks"].as_array().unwrap();
    let of_callers = |hook: &&Value| hook["fact"].as_str().unwrap().starts_with("caller_");
    hooks
        .iter()
        .filter(|hook| !of_callers(hook))
        .flat_map(|hook| hook["chosen"].as_str().unwrap().split('+'))
        .filter_map(|place| place.strip_prefix(family)?.strip_prefix(':'))
        .map(str::to_owned)
        .collect()
}

fn is_tracepoint(name: &str) -> bool {
    let systems = fs::read_dir(Path::new(TRACING).join("events")).unwrap();
    systems
        .flatten()
        .any(|system| system.path().join(name).exists())
}

#[test]
fn what_doctor_promises_is_what_gets_attached() {
    let output = leaves_nothing(|| tool::run(&["doctor", "--json"]));
    assert_eq!(output.status.code(), Some(0));
    let report = report(&output);
    assert_eq!(report["verdict"], "ready", "{report}");
    for fact in report["facts"].as_array().unwrap() {
        assert_eq!(fact["ok"], true, "{fact}");
    }
    for hook in report["hooks"].as_array().unwrap() {
        println!("{}: {}", hook["fact"], hook["chosen"]);
        for tried in hook["tried"].as_array().unwrap() {
            println!("  {}: {}", tried["variant"], tried["error"]);
        }
    }
    let (tracepoints, kprobes) = (places(&report, "tracepoint"), places(&report, "kprobe"));
    for name in &tracepoints {
        assert!(is_tracepoint(name), "the kernel has no tracepoint {name}");
    }
    let waits = chosen(&report, "lock_wait").unwrap();
    assert_eq!(
        waits.contains("tracepoint:contention_begin"),
        is_tracepoint("contention_begin")
    );
    // Since 7.0 programs on tracepoints may be preempted, and those on kprobes not.
    for fact in ["shrinker_scan", "reclaim_run", "reclaim_pages"] {
        let chosen = chosen(&report, fact).unwrap();
        let by_kprobe = chosen.contains("kprobe:__traceiter_mm_");
        assert_eq!(by_kprobe, kernel() >= (7, 0), "{fact}: {chosen}");
        assert_ne!(by_kprobe, chosen.contains("tracepoint:mm_"), "{chosen}");
    }

    let before = Traces::now();
    leaves_nothing(|| {
        // An export with the hooks that are off by default.
        let mut export = Export::start(&["--trace-acquisitions"]);
        let now = Traces::now();
        // Names without the suffix of the compiler.
        let added: BTreeSet<_> = now
            .kprobes
            .difference(&before.kprobes)
            .map(|name| name.split('.').next().unwrap().to_owned())
            .collect();
        println!(
            "{} programs, kprobes {added:?}",
            now.programs.len() - before.programs.len()
        );
        assert!(
            added.is_superset(&kprobes),
            "promised {kprobes:?}, attached {added:?}"
        );
        assert!(now.programs.len() >= before.programs.len() + tracepoints.len());
        assert_eq!(
            now.kprobe_events, "",
            "made in tracefs, where they outlive us"
        );
        // No trampolines unless asked for.
        let trampolines = trampolines();
        assert!(trampolines.is_empty(), "{trampolines:?}");
        // The optional hooks count as much as the kernel's own trace.
        holds_are_counted(&mut export);
        export.stop();
    });
}

/// Functions with a trampoline: ftrace marks those that call one directly by a D.
pub fn trampolines() -> BTreeSet<String> {
    let text = fs::read_to_string(format!("{TRACING}/enabled_functions")).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('\t') && line.split(' ').any(|flag| flag == "D"))
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn doctor_works_without_privilege() {
    let output = tool::as_nobody(&["doctor"]);
    assert_eq!(output.status.code(), Some(3));
    let text = tool::stdout(&output);
    for part in ["CAP", "cap_bpf", "missing", "unable"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let json = tool::as_nobody(&["doctor", "--json"]);
    assert_eq!(json.status.code(), Some(3));
    assert_eq!(report(&json)["verdict"], "unable");
}
