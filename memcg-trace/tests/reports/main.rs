//! Reports for mailing lists. Those of two deadlocks that guests had are kept in `kept`: if a change
//! is meant, `BLESS=1 cargo test --test reports` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

#[path = "../fixture/mod.rs"]
mod fixture;
mod redacted;
#[expect(dead_code, reason = "only what runs the program is needed here")]
#[path = "../tool/mod.rs"]
mod tool;

use std::fs;
use std::path::{Path, PathBuf};

use fixture::waits::{answered, coredump, crowd, tries_again};
use fixture::{empty, host, pins, root, slab_walk, walked};
use memcg_trace::sample::Sample;
use memcg_trace::sample::host_facts::{HostFacts, Setting};
use tool::{memcg_trace, recording, run, stderr, stdout};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// A report of a recording; the version of the tool changes.
fn report(verb: &[&str], recording: &str) -> String {
    let output = run(&[verb, &["--report", "--from", recording]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output).replace(
        concat!("memcg-trace ", env!("CARGO_PKG_VERSION")),
        "memcg-trace X",
    )
}

fn check_kept(name: &str, text: &str) {
    let path = folder("reports/kept").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{name} is not current:\n{text}");
}

fn has_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text}\nlacks {part:?}");
    }
}

/// What a report of a deadlock must have.
const OF_A_DEADLOCK: &[&str] = &[
    "Subject: deadlock of ",
    "\nKernel:        ",
    "\nCommand line:  ",
    "\nTainted:       ",
    "\nConfiguration: cgroup v2; 2 CPUs; kernel.core_pattern =",
    "\nProof\n-----\n",
    "for ever: ",
    "None of those in the deadlock ran in",
    "\n  stack, the innermost function first:\n    ",
    "\nlock words:",
    "\nHow to reproduce\n",
    "\n1. ",
    "a likeness is no proof",
    "\nWhat was not looked at\n",
];

#[test]
fn the_deadlock_of_2020() {
    let rec = folder("recordings/report-coredump-6.12.rec");
    let text = report(&["locks"], rec.to_str().unwrap());
    has_all(&text, OF_A_DEADLOCK);
    has_all(
        &text,
        &[
            "owner word 0xffff",
            "| WAITERS\n",
            "mem_hotplug_lock at 0xffffffff",
            "looks like a known bug: the deadlock of a core dump with memory hot-remove",
            "\nKernel:        6.12.",
        ],
    );
    check_kept("coredump-6.12.txt", &text);
    let redacted = report(&["locks", "--redact"], rec.to_str().unwrap());
    assert!(!redacted.contains("0xffff"), "{redacted}");
    check_kept("coredump-6.12-redacted.txt", &redacted);
}

#[test]
fn the_reap_deadlock() {
    let rec = folder("recordings/report-reap-7.0.rec");
    let text = report(&["locks"], rec.to_str().unwrap());
    has_all(&text, OF_A_DEADLOCK);
    has_all(
        &text,
        &[
            "looks like a known bug: rmdir of a cgroup that waits for",
            "zap_pid_ns_processes",
            "lock words: none, no lock is part of it",
            "\nKernel:        7.0.",
        ],
    );
    check_kept("reap-7.0.txt", &text);
    check_kept(
        "reap-7.0-redacted.txt",
        &report(&["locks", "--redact"], rec.to_str().unwrap()),
    );
}

#[test]
fn what_a_recording_lacks_is_said() {
    for series in ["5.10", "6.1", "6.12", "7.2"] {
        let rec = folder(&format!("recordings/deadlock-{series}.rec"));
        let text = report(&["locks"], rec.to_str().unwrap());
        has_all(
            &text,
            &[
                "Command line:  not in this recording",
                "Tainted:       not in this recording",
                "Configuration: not in this recording",
                "its build: not in this recording",
                "\nHow to reproduce\n",
            ],
        );
    }
}

fn facts() -> HostFacts {
    HostFacts {
        version: "#1 SMP".into(),
        machine: "x86_64".into(),
        cmdline: Some("root=/dev/vg-zebra/root quiet".into()),
        taint: Some(1 << 12),
        cpus: Some(8),
        is_cgroup_v1: Some(false),
        settings: vec![Setting {
            name: "kernel.core_pattern".to_owned(),
            value: "|/opt/zebra/dump %p".into(),
        }],
    }
}

fn with_facts(mut samples: Vec<Sample>) -> Vec<Sample> {
    samples[0].host_facts = Some(facts());
    samples
}

/// A convoy has no proof; its root, its waits and their stacks are there.
#[test]
fn a_host_without_a_deadlock() {
    let (mut convoy, holder) = crowd('D');
    convoy.stack(holder, "io_schedule+0x1 ext4_read+0x2");
    let samples = with_facts(vec![walked(0, vec![root()]), answered(1, convoy.seen())]);
    let path = recording("report-convoy", host(), &samples);
    let text = report(&["locks"], &path);
    has_all(
        &text,
        &[
            "Subject: 50 long waits, no deadlock proven",
            "Tainted:       4096: O (a module from out of the tree was loaded)",
            "\nRoots of long waits\n",
            "holder[7] has cgroup_mutex: ",
            "\nOther long waits\n",
            "owner word 0xffff",
            "and 30 more waits",
            "None of those about waits that `memcg-trace known` lists",
            "\nHow to reproduce\n----------------\nNot known.",
        ],
    );
    assert!(!text.contains("\nProof\n"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 76),
        "{text}"
    );
}

#[test]
fn pins_and_slab_have_reports_too() {
    let rec = recording("report-pins", host(), &with_facts(pins::demo_with_pins()));
    let text = report(&["pins"], &rec);
    has_all(
        &text,
        &[
            "Subject: what pins dead memory cgroups: ",
            "\nDead memory cgroups\n",
            "unexplained",
            "\nwhat would free it\n",
            "looks like a known bug: pages on LRU lists",
            "Command line:  root=/dev/vg-zebra/root quiet",
        ],
    );
    let rec = recording(
        "report-slab",
        host(),
        &with_facts(slab_walk::demo_with_slab()),
    );
    let text = report(&["slab"], &rec);
    has_all(
        &text,
        &[
            "Subject: who holds slab memory",
            "\nSlab memory\n",
            "packing would free",
            "Not compared: `memcg-trace slab --inside CACHE`",
        ],
    );
}

#[test]
fn a_timeline_has_a_report() {
    let waits = answered(1, coredump(None).seen_twice(tries_again));
    let samples = with_facts(vec![walked(0, vec![root()]), waits]);
    let rec = recording("report-why", host(), &samples);
    has_all(
        &report(&["why", "157"], &rec),
        &[
            "Subject: why task 157 does not run on",
            "\nTimeline\n--------\nhandler[157]",
            "Tainted:       4096: O",
            "cgroup_kn_lock_live+0x55",
            "looks like a known bug: the deadlock of a core dump",
        ],
    );
}

#[test]
fn flags_that_exclude_a_report() {
    for args in [
        &["locks", "--report", "--json"][..],
        &["locks", "--report", "--watch"],
        &["locks", "--report", "--dot"],
        &["why", "1", "--report", "--watch"],
        &["pins", "--redact"],
        &["slab", "--report", "--inside", "dentry"],
    ] {
        let output = memcg_trace(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}

/// The facts of a host come with its first sample, and again when they change.
#[test]
fn the_last_facts_count() {
    let mut samples = with_facts(vec![walked(0, vec![root()])]);
    samples.push(answered(1, coredump(None).seen_twice(tries_again)));
    samples.push(Sample {
        host_facts: Some(HostFacts {
            taint: Some(0),
            ..facts()
        }),
        ..empty(5)
    });
    let path = recording("report-facts", host(), &samples);
    has_all(
        &report(&["locks"], &path),
        &["Tainted:       not tainted", "#1 SMP x86_64"],
    );
}
