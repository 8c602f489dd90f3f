//! A part of a recording, by its times.

use super::fixture::{demo, host};
use super::tool::{assert_fails, memcg_trace, recording, run, stderr, stdout};
use super::{has_all, page};

/// Samples are from 14:13:20 to 14:13:24.
fn path(test: &str) -> String {
    recording(&format!("post-mortem-{test}"), host(), &demo())
}

#[test]
fn times_are_of_the_day_or_before_the_end() {
    let path = path("span");
    for (args, says) in [
        (&[][..], "From 2026-09-21 14:13:20Z to 2026-09-21 14:13:24Z"),
        (
            &["--from", "14:13:22"],
            "From 2026-09-21 14:13:22Z to 2026-09-21 14:13:24Z",
        ),
        (
            &["--to", "14:13:22"],
            "From 2026-09-21 14:13:20Z to 2026-09-21 14:13:22Z",
        ),
        (
            &["--from", "-2s", "--to", "-1s"],
            "From 2026-09-21 14:13:22Z to 2026-09-21 14:13:23Z",
        ),
        (
            &["--from=2026-09-21 14:13:23"],
            "From 2026-09-21 14:13:23Z to 2026-09-21 14:13:24Z",
        ),
    ] {
        let (_, page) = page(&path, args);
        let text = page.text.replace('\n', "");
        has_all(&text, &[says]);
    }
}

#[test]
fn a_span_without_a_sample_is_an_error() {
    let path = path("empty-span");
    let output = run(&["report", &path, "--from", "15:00"]);
    assert_fails(&output, 1, &["no sample is between", "14:13:24Z"]);
    let output = run(&["report", &path, "--from", "14:13:23", "--to", "14:13:21"]);
    assert_fails(&output, 1, &["--from is after --to"]);
    let nothing = recording("post-mortem-nothing", host(), &[]);
    assert_fails(&run(&["report", &nothing]), 1, &["not one sample"]);
}

#[test]
fn what_is_no_time_is_a_usage_error() {
    let path = path("no-time");
    for args in [["--from", "yesterday"], ["--to", "x.rec"]] {
        let output = run(&[&["report", &path][..], &args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains("write it like 12:34"), "{args:?}");
    }
}

/// The environment names a recording for other verbs.
#[test]
fn the_environment_has_no_time() {
    let path = path("environment");
    let mut command = memcg_trace(&["report", &path]);
    let output = command
        .env("MEMCG_TRACE_FROM", "other.rec")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("14:13:24Z"));
}
