//! The binary as users run it, and its output.

#[path = "../schemas/mod.rs"]
pub mod schemas;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use memcg_trace::sample::Sample;
use memcg_trace::sample::recording::Host;
use serde_json::Value;

use crate::fixture::recorded;

pub fn memcg_trace(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_memcg-trace"));
    command.args(args).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MEMCG_TRACE_") {
            command.env_remove(name);
        }
    }
    // This host may have one of its own.
    command.env("MEMCG_TRACE_CONFIG", "/dev/null");
    command
}

pub fn run(args: &[&str]) -> Output {
    memcg_trace(args).output().unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A file of the calling test.
pub fn file(test: &str, content: &[u8]) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

pub fn recording(test: &str, host: Host, samples: &[Sample]) -> String {
    file(&format!("{test}.rec"), &recorded(host, samples))
}

/// Checks that the program ended with a code, and one line that gives the reason.
pub fn assert_fails(output: &Output, code: i32, parts: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("memcg-trace: "), "{said}");
    for part in parts {
        assert!(said.contains(part), "{said:?} lacks {part:?}");
    }
}

pub const ENVELOPE: [&str; 9] = [
    "schema", "type", "host", "boot_id", "seq", "frame", "time", "mono_ns", "data",
];
/// The fields of a record, in the order of the contract.
pub fn fields(kind: &str) -> String {
    schemas::keys(kind)
}

/// Keys in the order in which they are written, which a parsed object does not keep.
pub fn keys(line: &str, depth_wanted: usize) -> Vec<String> {
    let (mut keys, mut depth, mut chars) = (Vec::new(), 0, line.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            '"' => {
                let mut text = String::new();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => text.extend(chars.next()),
                        c => text.push(c),
                    }
                }
                if chars.peek() == Some(&':') && depth == depth_wanted {
                    keys.push(text);
                }
            }
            _ => {}
        }
    }
    keys
}

/// Checks a stream against the contract, and returns its records.
pub fn checked(ndjson: &str) -> Vec<Value> {
    assert!(ndjson.ends_with('\n'), "the last line is whole");
    let (mut frame, mut in_frame) = (0, 0);
    let mut records = Vec::new();
    for (seq, line) in ndjson.lines().enumerate() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(keys(line, 1), ENVELOPE, "{line}");
        let kind = record["type"].as_str().unwrap();
        let written: Vec<String> = keys(line, 2)
            .into_iter()
            .filter(|key| !key.ends_with("_hex"))
            .collect();
        assert_eq!(written.join(" "), fields(kind), "{line}");
        schemas::assert_valid(kind, &record);
        assert_eq!(record["schema"], 1);
        assert_eq!(record["seq"], seq);
        assert_eq!(record["frame"], frame);
        if kind == "frame" {
            assert_eq!(record["data"]["records"], in_frame);
            (frame, in_frame) = (frame + 1, 0);
        } else {
            in_frame += 1;
        }
        records.push(record);
    }
    assert_eq!(in_frame, 0, "the last frame is whole");
    records
}

/// The `data` of the document that a verb wrote.
pub fn document(output: &Output, kind: &str) -> Value {
    let text = stdout(output);
    assert_eq!(text.lines().count(), 1, "{}", stderr(output));
    assert_eq!(keys(&text, 1), ENVELOPE);
    assert_eq!(
        keys(&text, 2),
        ["summary", "items", "not_checked", "sections", "losses"]
    );
    let mut document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["type"], kind);
    document["data"].take()
}
