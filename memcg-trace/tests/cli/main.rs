//! The binary as users run it, on recordings.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod export_changes;
#[path = "../fixture/mod.rs"]
mod fixture;
mod outputs;
#[path = "../tool/mod.rs"]
mod tool;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use fixture::{EVIL, demo, evil_host, host, hostile, recorded};
use memcg_trace::sample::Sample;
use memcg_trace::sample::recording::Reader;
use serde_json::Value;
use tool::{assert_fails, checked, document, file, memcg_trace, recording, run, stderr, stdout};

#[test]
fn an_export_follows_the_contract() {
    let path = recording("contract", host(), &demo());
    let output = run(&["export", "--from", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let records = checked(&stdout(&output));
    let of = |kind: &str| -> Vec<&Value> {
        records
            .iter()
            .filter(|record| record["type"] == kind)
            .map(|r| &r["data"])
            .collect()
    };
    assert_eq!(of("frame").len(), 5);
    assert_eq!(of("memcg").len(), 5 * 12);
    // One more memcg has died by the third frame.
    assert_eq!(of("zombie").len(), 2 * 3 + 3 * 4);
    assert_eq!(records[0]["host"], "web-1");
    assert_eq!(records[0]["time"], "2026-09-21T14:13:20.000000000Z");
    let cron = of("zombie")
        .into_iter()
        .find(|zombie| zombie["name"] == "cron.service")
        .unwrap();
    assert_eq!(
        (&cron["age_ns"], &cron["refs"]),
        (&Value::from(9), &Value::Null)
    );
    assert_eq!(of("slab")[0]["alloc_per_sec"], Value::Null);
    assert_eq!(of("lock_wait")[0]["resource"]["addr"], "0xffffffff83000000");
    let sections = of("frame")[0]["sections"].as_array().unwrap();
    let names: Vec<&Value> = sections.iter().map(|section| &section["name"]).collect();
    assert_eq!(
        names,
        [
            "memcg",
            "slab",
            "slab_walk",
            "slab_inside",
            "shrinker",
            "reclaim",
            "lock",
            "tax",
            "waits",
            "pins",
            "reparent",
            "finding"
        ]
    );
    let [reparent] = &of("reparent")[..] else {
        panic!("it is told once");
    };
    assert_eq!(reparent["path"], "/system.slice/cron.service");
    assert_eq!(reparent["to_path"], "/system.slice");
    assert_eq!(reparent["lru_pages"], 6400);
    assert_eq!(
        reparent["slab_objects"],
        Value::Null,
        "its birth was not seen"
    );
}

#[test]
fn a_stream_ends_after_a_count_or_a_time() {
    let path = recording("count", host(), &demo());
    let frames = |args: &[&str]| {
        let output = run(&[&["export", "--from", &path], args].concat());
        assert_eq!(output.status.code(), Some(0));
        stdout(&output).matches(r#""type":"frame""#).count()
    };
    assert_eq!(frames(&["-n", "2"]), 2);
    assert_eq!(frames(&["--duration", "3s"]), 4);
    assert_eq!(frames(&["--count", "100", "--interval", "5m"]), 5);
}

#[test]
fn a_part_can_be_asked_for() {
    let path = recording("part", host(), &demo());
    let output = run(&[
        "export",
        "--from",
        &path,
        "--cgroup",
        "/sys/fs/cgroup/user.slice/",
    ]);
    for record in checked(&stdout(&output)) {
        if let Some(path) = record["data"]["path"].as_str() {
            assert!(path.starts_with("/user.slice"), "{path}");
        }
    }
    let output = run(&["--from", &path, "--json", "--top", "3"]);
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(document["data"]["items"].as_array().unwrap().len(), 3);
    assert_eq!(document["data"]["summary"]["memcgs"], 12);

    let output = run(&["--from", &path, "--cgroup", "/system.slice/nginx"]);
    assert_fails(
        &output,
        1,
        &[
            "no cgroup /system.slice/nginx",
            "/system.slice/nginx.service",
        ],
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn one_document_is_one_document() {
    let path = recording("document", host(), &demo());
    let output = run(&["--from", &path, "--json"]);
    let data = document(&output, "memcg");
    assert_eq!(data["summary"]["zombies"], 4);
    assert_eq!(data["not_checked"], Value::Array(Vec::new()));
}

#[test]
fn text_is_for_people() {
    let path = recording("text", host(), &demo());
    for args in [
        vec!["--from", &path],
        vec!["live", "--from", &path],
        vec!["replay", &path],
    ] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let text = stdout(&output);
        assert!(
            text.contains("host web-1") && text.contains("12 memcgs, 4 zombies"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "no colours in a pipe");
    }
    assert!(stdout(&run(&["--from", &path, "--color", "always"])).contains("\u{1b}[31m"));
}

#[test]
fn hostile_names_come_out_tame() {
    let path = recording("hostile", evil_host(), &hostile());
    for args in [vec!["export"], vec!["--json"], vec![]] {
        let output = run(&[args.clone(), vec!["--from", &path]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let text = stdout(&output);
        let is_evil = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(is_evil), "{args:?}");
        // JSON could hide control characters in escapes.
        assert!(!text.contains("\\u00") && !text.contains("\\n"), "{args:?}");
    }
    let records = checked(&stdout(&run(&["export", "--from", &path])));
    let hex: String = EVIL.iter().map(|byte| format!("{byte:02x}")).collect();
    let memcg = records
        .iter()
        .find(|record| record["data"]["name_hex"] == hex.as_str())
        .unwrap();
    assert_eq!(memcg["data"]["path_hex"], format!("2f{hex}"));
}

#[test]
fn files_that_are_no_recordings() {
    for (name, content, said) in [
        ("empty", &b""[..], "not a recording of memcg-trace"),
        (
            "elf",
            b"\x7fELF\x02\x01\x01",
            "not a recording of memcg-trace",
        ),
        (
            "header",
            b"memcg-trace recording\n{\"format\":1",
            "its header is damaged",
        ),
        (
            "later",
            b"memcg-trace recording\n{\"format\":9}\n",
            "use a newer memcg-trace",
        ),
        (
            "frame",
            b"memcg-trace recording\n{\"format\":1}\n\x04\0\0\0wow!",
            "frame 0 at byte 35",
        ),
    ] {
        let path = file(name, content);
        for verb in [vec!["export", "--from"], vec!["--from"], vec!["replay"]] {
            let output = run(&[verb, vec![&path]].concat());
            assert_fails(&output, 1, &[said, &path]);
        }
    }
    assert_fails(
        &run(&["replay", "/no/such/file"]),
        1,
        &["/no/such/file", "No such file"],
    );
}

#[test]
fn a_recording_that_was_cut_off_is_read_to_its_end() {
    let mut bytes = recorded(host(), &demo());
    bytes.truncate(bytes.len() - 3);
    let path = file("cut", &bytes);
    let output = run(&["export", "--from", &path]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stderr(&output).contains("ends in a cut frame"),
        "{}",
        stderr(&output)
    );
    assert_eq!(stdout(&output).matches(r#""type":"frame""#).count(), 4);
    assert_eq!(stderr(&run(&["export", "--from", &path, "-q"])), "");
}

#[test]
fn a_recording_can_be_recorded() {
    let path = recording("again", host(), &demo());
    let copy = format!("{path}.copy");
    let output = run(&["record", &copy, "--from", &path, "-n", "3"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let mut reader = Reader::open(File::open(&copy).unwrap()).unwrap();
    assert_eq!(reader.header().host, host());
    for sample in &demo()[..3] {
        assert_eq!(reader.read_sample().unwrap().as_ref(), Some(sample));
    }
    assert_eq!(reader.read_sample().unwrap(), None);
}

#[test]
fn wrong_usage_is_2() {
    for args in [
        &["frobnicate"][..],
        &["export", "--interval", "0s"],
        &["export", "--count", "0"],
        &["replay"],
        &["replay", "x", "--from", "y"],
        &["replay", "x", "--speed", "-1"],
        &["doctor", "--from", "y"],
        &["record", "x", "-o", "y"],
        &["record", "x", "--cgroup", "/a"],
        &["doctor", "--top", "3"],
        &["locks", "--count", "2"],
        &["locks", "--kmsg", "--from", "y"],
        &["locks", "--dot", "--watch"],
        &["locks", "--min-wait", "0s"],
        &["--color", "sometimes"],
        &["--top", "0"],
    ] {
        assert_eq!(run(args).status.code(), Some(2), "{args:?}");
    }
    for args in [&["--help"][..], &["--version"], &["export", "--help"]] {
        assert_eq!(run(args).status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn flags_can_come_from_the_environment() {
    let path = recording("environment", host(), &demo());
    let output = memcg_trace(&["export"])
        .env("MEMCG_TRACE_FROM", &path)
        .env("MEMCG_TRACE_COUNT", "1")
        .output()
        .unwrap();
    assert_eq!(stdout(&output).matches(r#""type":"frame""#).count(), 1);

    let replay = memcg_trace(&["replay", &path])
        .env("MEMCG_TRACE_FROM", "/another")
        .env("MEMCG_TRACE_JSON", "1")
        .output()
        .unwrap();
    assert_eq!(replay.status.code(), Some(0), "{}", stderr(&replay));
    assert!(stdout(&replay).starts_with("{\"schema\":1,"));
}

#[test]
fn what_is_no_dump_is_refused_in_one_line() {
    let file = env!("CARGO_MANIFEST_DIR").to_owned() + "/Cargo.toml";
    let own = env!("CARGO_BIN_EXE_memcg-trace");
    for (dump, why) in [
        (&*file, "neither an ELF dump nor a kdump file"),
        (own, "a core dump has type 4"),
        ("/nonexistent", "open the dump"),
    ] {
        let refused = run(&["doctor", "--core", dump]);
        assert_fails(&refused, 1, &["read the dump", dump, why]);
    }
}

#[cfg(not(feature = "live"))]
#[test]
fn a_build_without_a_kernel_says_so() {
    for args in [&[][..], &["export"], &["doctor"], &["live"]] {
        assert_fails(
            &run(args),
            3,
            &["this build only replays recordings", "--from FILE"],
        );
    }
}
