//! The model and the views of the call sites that have objects of a cache.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;
mod tool;

use fixture::host;
use fixture::slab_walk::demo_with_slab;
use memcg_trace::sample::callers::{CallSite, CallerStack, Callers};
use memcg_trace::sample::{Loss, Sample};
use serde_json::{Value, json};
use tool::{assert_fails, checked, document, recording, run, stdout};

fn site(name: Option<&str>, [allocated, freed, untracked, unseen]: [u64; 4]) -> CallSite {
    CallSite {
        call_site: name.map(str::to_owned),
        alloc_total: allocated,
        free_total: freed,
        untracked_total: untracked,
        unseen_free_total: unseen,
        stacks: Vec::new(),
    }
}

fn stack(functions: &[&str], alloc_total: u64, free_total: u64) -> CallerStack {
    CallerStack {
        functions: functions.iter().map(|name| (*name).to_owned()).collect(),
        alloc_total,
        free_total,
    }
}

fn callers() -> Callers {
    Callers {
        since_ns: 1_000_000_000,
        as_of_ns: 3_000_000_000,
        cache: "filp".into(),
        aliases: vec!["files".into()],
        size_bytes: 256,
        stack_every: 16,
        most_objects: 262_144,
        sites: vec![
            site(Some("few+0x10"), [3, 2, 0, 0]),
            CallSite {
                stacks: vec![
                    stack(&["many", "once"], 8, 8),
                    stack(&["many", "leak", "do_syscall_64"], 4, 1),
                ],
                ..site(Some("many+0x20"), [50, 10, 0, 0])
            },
        ],
        ..Callers::default()
    }
}

/// The demo, with callers in its last sample.
fn samples(callers: Callers, lost: &[(&str, Option<u64>)]) -> Vec<Sample> {
    let mut samples = demo_with_slab();
    let losses = lost.iter().map(|(place, lost_total)| Loss {
        place: (*place).to_owned(),
        lost_total: *lost_total,
    });
    samples.push(Sample {
        callers: Some(callers),
        losses: losses.collect(),
        ..fixture::empty(6)
    });
    samples
}

fn on(name: &str, samples: &[Sample], args: &[&str]) -> std::process::Output {
    let path = recording(name, host(), samples);
    run(&[&["slab", "--callers", "filp"], args, &["--from", &path]].concat())
}

fn reasons(data: &Value) -> String {
    let gaps = data["not_checked"].as_array().unwrap();
    assert!(
        gaps.iter().all(|gap| gap["what"] == "slab_callers"),
        "{gaps:?}"
    );
    data["not_checked"].to_string()
}

#[test]
fn callers_are_one_document() {
    let output = on("callers-json", &samples(callers(), &[]), &["--json"]);
    let data = document(&output, "slab_caller");
    let summary = &data["summary"];
    assert_eq!(summary["cache"], "filp");
    assert_eq!(summary["aliases"], json!(["files"]));
    assert_eq!(summary["alive_objects"], 41);
    assert_eq!(summary["alive_bytes"], 41 * 256);
    assert_eq!(summary["watched_ns"], 2_000_000_000_u64);
    let many = &data["items"][0];
    assert_eq!(
        (&many["call_site"], &many["alive_bytes"]),
        (&json!("many+0x20"), &json!(40 * 256))
    );
    // The stack with the most objects alive comes first.
    assert_eq!(
        many["stacks"][0]["stack"],
        json!(["many", "leak", "do_syscall_64"])
    );
    assert_eq!(many["stacks"][0]["alive_samples"], 3);
    let said = reasons(&data);
    assert!(said.contains("kmem_cache_alloc_bulk"), "{said}");
    for absent in [
        "followed",
        "skipped",
        "allocated again",
        "destroyed",
        "symbol",
    ] {
        assert!(!said.contains(absent), "{said}");
    }
}

#[test]
fn another_name_of_the_cache_serves() {
    let path = recording("callers-alias", host(), &samples(callers(), &[]));
    let output = run(&["slab", "--callers", "files", "--from", &path]);
    let text = stdout(&output);
    let verdict = "filp, which the kernel merged with files: 41 objects (10.2 KiB) of 53 allocated";
    assert!(text.contains(verdict), "{text}");
    assert!(
        text.contains("3 of 4 samples alive: many < leak < do_syscall_64"),
        "{text}"
    );
    let other = run(&["slab", "--callers", "dentry", "--from", &path]);
    assert_fails(&other, 1, &["not_recorded"]);
    // No call site is left out by a cgroup: that is an error, and not ignored.
    let cgroup = ["slab", "--callers", "filp", "--cgroup", "/system.slice"];
    assert_eq!(run(&cgroup).status.code(), Some(2));
}

/// What hides objects or frees is said, each in a sentence of its own.
#[test]
fn what_was_not_seen_is_said() {
    let hidden = Callers {
        is_gone: true,
        sites: vec![site(None, [300_000, 5, 37_000, 2])],
        ..callers()
    };
    let lost = [
        ("missed_runs", Some(7)),
        ("missed_kprobe_runs", None),
        ("caller_map", Some(9)),
        ("slab_bulk", Some(0)),
    ];
    let output = on("callers-hidden", &samples(hidden, &lost), &["--json"]);
    let said = reasons(&document(&output, "slab_caller"));
    for part in [
        "37.0k objects could not be followed",
        "2 frees were not seen",
        "7 runs skipped, of programs on tracepoints",
        "it is not known how many runs were skipped, of programs on kprobes",
        "9 allocations not counted",
        "destroyed meanwhile",
        "no symbol near",
    ] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert!(!said.contains("freed at once"), "{said}");
}

/// A recording with callers is one of everything else, too: its stream has no records of callers,
/// which are the answer to a question.
#[test]
fn a_stream_leaves_callers_out() {
    let path = recording("callers-stream", host(), &samples(callers(), &[]));
    let output = run(&["export", "--from", &path]);
    let records = checked(&stdout(&output));
    assert!(records.iter().any(|record| record["type"] == "memcg"));
    assert!(records.iter().all(|record| record["type"] != "slab_caller"));
}
