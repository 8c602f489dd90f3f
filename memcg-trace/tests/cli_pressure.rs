//! `shrinkers` and `reclaim` as users run them, on recordings.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;
mod tool;

use fixture::{demo, host, hostile};
use memcg_trace::sample::reclaim::{Cause, Stall};
use memcg_trace::sample::{Sample, Task};
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
    // Stalls since the first sample, as the duration is counted from there.
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

/// One task that waits in the last sample is of a memcg in which no wait has ended yet.
#[test]
fn who_waits_now_is_told_before_it_ends() {
    let mut samples = growing();
    let last = samples.last_mut().unwrap();
    let stall = |memcg: u64, comm: &str, ago_ns: u64, unconfirmed| Stall {
        task: Task {
            pid: Some(70),
            tid: 71,
            comm: comm.into(),
            ..Task::default()
        },
        memcg_serial_nr: Some(memcg),
        cause: Cause::High,
        limit_serial_nr: Some(3),
        since_ns: last.mono_ns - ago_ns,
        is_throttled: true,
        unconfirmed,
    };
    let stalls = vec![
        stall(5, "nginx", 61_000_000_000, false),
        stall(4, "cron", 2_000_000_000, true),
    ];
    last.reclaim.as_mut().unwrap().stalls = stalls;
    let path = recording("stalls", host(), &samples);
    let output = run(&["reclaim", "--json", "--from", &path]);
    let data = document(&output, "reclaim");
    let of = |path: &str| {
        let rows = data["items"].as_array().unwrap();
        let mut rows = rows.iter().filter(|row| row["path"] == path);
        let row = rows.find(|row| row["stalls_now"] == 1).unwrap();
        row["stalled_now"][0].clone()
    };
    let nginx = of("/system.slice/nginx.service");
    assert_eq!(nginx["comm"], "nginx");
    assert_eq!(nginx["tid"], 71);
    assert_eq!(nginx["is_throttled"], true);
    assert_eq!(nginx["unconfirmed"], false);
    let cron = of("/system.slice/cron.service");
    assert_eq!(cron["unconfirmed"], true);
    let text = stdout(&run(&["reclaim", "--from", &path]));
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("nginx[71]").ends_with("61.0 s"), "{text}");
    assert!(line("cron[71]").ends_with("2.0 s?"), "{text}");
}

#[test]
fn shrinkers_are_told_with_their_cause() {
    let path = recording("shrinkers", host(), &growing());
    let output = run(&["shrinkers", "--json", "--from", &path]);
    let data = document(&output, "shrinker");
    let first = &data["items"][0];
    assert_eq!(first["cause"], "high");
    // Calls since the first sample.
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
