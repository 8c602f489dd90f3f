//! `shrinkers` and `reclaim` as users run them, on recordings.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod fixture;
mod tool;

use fixture::{demo, host, hostile};
use memcg_trace::sample::Sample;
use tool::{assert_fails, checked, document, fields, recording, run, stdout};

/// A demo in which all rows grow.
fn growing() -> Vec<Sample> {
    let mut samples = demo();
    for (second, sample) in (0..).zip(&mut samples) {
        if let Some(rows) = &mut sample.shrinkers {
            rows[0].time_ns_total += 1_000_000 * second;
        }
        if let Some(reclaim) = &mut sample.reclaim {
            reclaim.tasks[0].stalls_total += second;
            reclaim.tasks[0].stall_ns_total += 1_000_000 * second;
        }
    }
    samples
}

#[test]
fn reclaim_is_told_by_memcg_cause_and_limit() {
    let path = recording("reclaim", host(), &growing());
    let output = run(&["reclaim", "--json", "--from", &path]);
    let data = document(&output, "reclaim");
    assert_eq!(data["summary"]["span_ns"], 4_000_000_000_u64);
    let first = &data["items"][0];
    for field in fields("reclaim").split_whitespace() {
        assert!(first.get(field).is_some(), "{field}");
    }
    assert_eq!(first["path"], "/system.slice/nginx.service");
    assert_eq!(first["cause"], "high");
    assert_eq!(first["limited_by_path"], "/system.slice");
    // Those since the first sample, which is what the time is of.
    assert_eq!(first["stalls_total"], 8);
    assert_eq!(first["stall_ns_total"], 640_000_000);
    assert_eq!(first["scanned_pages_total"], 4 * 640);
    assert!(first["p99_ns"].is_null(), "of stalls before, too");
    assert_eq!(first["worst_tasks"][0]["comm"], "nginx");
    assert_eq!(first["worst_tasks"][0]["stalls_total"], 4);
    assert_eq!(first["psi_some_ns_total"], 1_400_000_000_u64);
    let text = stdout(&run(&["reclaim", "--from", &path]));
    assert!(text.contains("8 stalls took"), "{text}");
    assert!(text.contains("nginx[4001]"), "{text}");
    let part = run(&[
        "reclaim",
        "--json",
        "--from",
        &path,
        "--cgroup",
        "/user.slice",
    ]);
    assert_eq!(document(&part, "reclaim")["items"], serde_json::json!([]));
}

#[test]
fn shrinkers_are_told_with_their_cause() {
    let path = recording("shrinkers", host(), &growing());
    let output = run(&["shrinkers", "--json", "--from", &path]);
    let data = document(&output, "shrinker");
    let first = &data["items"][0];
    assert_eq!(first["cause"], "high");
    // What was done since the first sample.
    assert_eq!(first["calls_total"], 4);
    assert_eq!(first["scanned_objects_total"], 4 * 1024);
    assert_eq!(first["freed_objects_total"], 0);
    assert_eq!(first["runs_by_priority"][12], 4);
    assert_eq!(data["items"][1]["cause"], serde_json::Value::Null);
    let text = stdout(&run(&["shrinkers", "--from", &path]));
    assert!(text.contains("runs by priority: 12: 4\n"), "{text}");
    assert!(text.contains("(not memcg-aware)"), "{text}");
}

#[test]
fn hostile_names_are_tame() {
    let path = recording("pressure-hostile", host(), &hostile());
    for verb in ["shrinkers", "reclaim"] {
        let text = stdout(&run(&[verb, "--from", &path]));
        let is_wild = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(is_wild) && !text.is_empty(), "{text:?}");
    }
}

#[test]
fn both_are_in_the_stream_of_export() {
    let path = recording("pressure-export", host(), &demo());
    let records = checked(&stdout(&run(&["export", "--from", &path])));
    for kind in ["shrinker", "reclaim"] {
        let of_kind = records.iter().filter(|record| record["type"] == kind);
        assert!(of_kind.count() >= 2, "{kind}");
    }
    let output = run(&["reclaim", "--duration", "0s", "--from", &path]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["reclaim", "--cgroup", "/nginx", "--from", &path]);
    assert_fails(&output, 1, &["no cgroup /nginx"]);
}
