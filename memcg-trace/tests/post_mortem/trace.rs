//! Traces for Perfetto, held to the format: <https://ui.perfetto.dev> reads them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use memcg_trace::sample::reclaim::{Cause, Shrinking, Stall};
use memcg_trace::sample::{LockHolder, Sample};
use serde_json::Value;

use super::fixture::{SECOND, START_NS, demo, host, task};
use super::tool::{recording, run, stderr};
use super::{page, recordings};

/// The events of a recording's trace, and what the trace says about itself.
fn trace(test: &str, recording: &str, args: &[&str]) -> (Vec<Value>, Value) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.json"));
    let path = path.to_str().unwrap();
    let output = run(&[&["report", recording, "--trace", path], args].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stdout.is_empty(), "a page was not asked for");
    let mut json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let events = json["traceEvents"].take();
    let Value::Array(events) = events else {
        unreachable!("{events}");
    };
    check(&events);
    (events, json["otherData"].take())
}

fn number(event: &Value, key: &str) -> f64 {
    let number = event[key].as_f64();
    number.unwrap_or_else(|| unreachable!("{event} lacks {key}"))
}

/// Each event has its fields, no duration is negative, complete events of a thread nest, and each
/// event that begins one has its end.
fn check(events: &[Value]) {
    let mut threads: BTreeMap<(u64, u64), Vec<(f64, f64)>> = BTreeMap::new();
    let mut begun: BTreeMap<u64, f64> = BTreeMap::new();
    for event in events {
        let (pid, tid) = (number(event, "pid"), number(event, "tid"));
        let at = number(event, "ts");
        assert!(at >= 0.0 && pid >= 0.0 && tid >= 0.0, "{event}");
        assert!(event["name"].is_string(), "{event}");
        match event["ph"].as_str().unwrap() {
            "X" => {
                let duration = number(event, "dur");
                assert!(duration >= 0.0, "{event}");
                let thread = (
                    event["pid"].as_u64().unwrap(),
                    event["tid"].as_u64().unwrap(),
                );
                threads.entry(thread).or_default().push((at, at + duration));
            }
            "b" => assert!(begun.insert(event["id"].as_u64().unwrap(), at).is_none()),
            "e" => {
                let began = begun.remove(&event["id"].as_u64().unwrap());
                assert!(began.is_some_and(|began| began <= at), "{event}");
            }
            "i" => assert_eq!(event["s"], "g", "{event}"),
            "C" => assert!(
                event["args"]
                    .as_object()
                    .unwrap()
                    .values()
                    .all(Value::is_number)
            ),
            "M" => assert!(event["args"]["name"].is_string(), "{event}"),
            other => unreachable!("{other} in {event}"),
        }
    }
    assert!(begun.is_empty(), "without an end: {begun:?}");
    for (thread, mut spans) in threads {
        spans.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        let mut around: Vec<f64> = Vec::new();
        for (begin, end) in spans {
            around.retain(|end| *end > begin);
            let fits = around.last().is_none_or(|outer| end <= *outer);
            assert!(
                fits,
                "{thread:?}: {begin} to {end} is not within {around:?}"
            );
            around.push(end);
        }
    }
}

fn named<'a>(events: &'a [Value], phase: &str, name: &str) -> Vec<&'a Value> {
    let is_one = |event: &&Value| event["ph"] == phase && event["name"] == name;
    events.iter().filter(is_one).collect()
}

#[test]
fn each_recording_has_a_trace() {
    for path in recordings() {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let (events, about) = trace(&format!("trace-{name}"), path.to_str().unwrap(), &[]);
        assert!(!events.is_empty(), "{name}");
        assert_eq!(about["left_out"], 0, "{name}");
        if name.starts_with("report-") {
            assert_eq!(named(&events, "i", "deadlock").len(), 1, "{name}");
            let waits = events.iter().filter(|event| event["cat"] == "wait");
            assert!(waits.count() >= 2, "{name}");
        }
    }
}

/// A task that sleeps in a shrinker, within reclaim, with a lock that it releases after both.
fn nested() -> Vec<Sample> {
    let mut samples = demo();
    for (second, sample) in (0_u64..).zip(&mut samples) {
        let reclaim = sample.reclaim.as_mut().unwrap();
        if (1..=3).contains(&second) {
            reclaim.stalls.push(Stall {
                task: task(4001, "nginx", 5),
                memcg_serial_nr: Some(5),
                cause: Cause::High,
                limit_serial_nr: Some(3),
                since_ns: START_NS + SECOND / 2,
                ..Stall::default()
            });
        }
        if second == 2 {
            reclaim.shrinking.push(Shrinking {
                pid: 4001,
                tid: 4001,
                comm: "nginx".into(),
                shrinker: 0xa1,
                name: Some("super_cache_scan".to_owned()),
                begin_ns: START_NS + SECOND,
                ..Shrinking::default()
            });
        }
        let holds = &mut sample.locks.as_mut().unwrap().holds;
        holds[0].holders = vec![LockHolder {
            task: task(4001, "nginx", 5),
            since_ns: START_NS + SECOND * 3 / 4,
            ..LockHolder::default()
        }];
    }
    samples
}

#[test]
fn spans_last_for_as_long_as_they_were_seen() {
    let path = recording("trace-nested", host(), &nested());
    let (events, _) = trace("trace-nested", &path, &[]);
    let [reclaim] = named(&events, "X", "reclaim (high)")[..] else {
        unreachable!("{events:#?}");
    };
    // From its beginning to the last sample that has it; the next comes a second later.
    assert_eq!(number(reclaim, "dur"), 2.5e6);
    assert_eq!(reclaim["args"]["ended"], "at most 1.0 s later");
    assert_eq!(reclaim["args"]["limit of"], "/system.slice");
    let [run] = named(&events, "X", "super_cache_scan")[..] else {
        unreachable!("{events:#?}");
    };
    assert_eq!(number(run, "dur"), 1e6);
    assert_eq!(
        (&run["tid"], &run["pid"]),
        (&reclaim["tid"], &reclaim["pid"])
    );
    // A hold may end in the middle of anything.
    let hold = events.iter().find(|event| event["cat"] == "hold");
    assert_eq!(hold.unwrap()["ph"], "b");
    let wait = named(&events, "X", "waits for cgroup_mutex");
    assert_eq!(wait.len(), 1, "{wait:?}");
    assert_eq!(wait[0]["args"]["held by"], "kworker/3:1[17]");
    assert_eq!(
        wait[0]["args"]["ended"],
        "in progress when it was last looked at"
    );
    // What may be over is no span.
    let unconfirmed = events.iter().filter(|event| event["tid"] == 977);
    assert_eq!(unconfirmed.count(), 0);
}

#[test]
fn a_trace_has_no_names_if_they_are_not_wanted() {
    let path = recording("trace-redacted", host(), &nested());
    let (events, about) = trace("trace-redacted", &path, &["--redact"]);
    assert_eq!(about["host"], "host-1");
    let text = format!("{events:?}");
    assert!(!text.contains("nginx") && text.contains("comm-"), "{text}");
}

/// With `-o` both are written.
#[test]
fn a_page_and_a_trace() {
    let path = recording("trace-both", host(), &nested());
    let json = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("both.json");
    let (_, page) = page(
        &path,
        &["--trace", json.to_str().unwrap(), "-o", "/dev/stdout"],
    );
    assert!(page.text.contains("Verdict"));
    assert!(
        fs::read_to_string(json)
            .unwrap()
            .contains("super_cache_scan")
    );
}
