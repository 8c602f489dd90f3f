//! The binary as users run it, and what it wrote.

#![expect(clippy::panic, reason = "a test that cannot go on says where")]

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

/// A file of the test that asks for it.
pub fn file(test: &str, content: &[u8]) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

pub fn recording(test: &str, host: Host, samples: &[Sample]) -> String {
    file(&format!("{test}.rec"), &recorded(host, samples))
}

/// It ended with a code, and one line that says why.
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
pub const MEMCG: &str = "cgroup_id css_id serial_nr path name ";

/// The fields of a record, in the order of the contract.
pub fn fields(kind: &str) -> String {
    let memcg = |rest: &str| MEMCG.to_owned() + rest;
    match kind {
        "frame" => "records interval_ns sections losses".to_owned(),
        "memcg" => memcg(
            "parent_cgroup_id phase usage_bytes high_bytes max_bytes slab_bytes slab_objects \
             inherited_bytes zombies kmem_bytes alive high_unlimited max_unlimited \
             slab_uncertain_objects",
        ),
        "zombie" => memcg("phase refs age_ns creator own_cost_bytes lru_pages swap_entries"),
        "reparent" => memcg("to_cgroup_id to_path slab_objects slab_bytes lru_pages"),
        "finding" => {
            "finding_id kind severity path sentence figures first_ns last_ns resolved".to_owned()
        }
        "tax" => "zombies own_cost_bytes reclaim_visits_total dead_reclaim_visits_total \
                  flushes_total dead_flushes_total dead_flush_ns_total \
                  dead_flushes_unmeasured_total"
            .to_owned(),
        "pins" => {
            "zombie refs unexplained_refs pins not_checked sentence advice memcg_gone".to_owned()
        }
        "slab" => memcg(
            "cache objects bytes touched_pages owned_pages share_bytes utilization alloc_total \
             free_total alloc_per_sec free_per_sec uncertain_objects charged_bytes \
             inherited_objects drift_objects",
        ),
        "slab_cache" => "cache object_bytes slab_pages live_objects inuse_objects \
                         unaccounted_objects freeable_pages utilization size_bytes order slabs \
                         changed_slabs capacity_objects cached_objects charged_objects \
                         unaccounted_share_bytes unaccounted_touched_pages \
                         unaccounted_owned_pages aliases reclaimable_bytes in_use_bytes \
                         shared_page_bytes no_shrinker_bytes not_memcg_aware_bytes free_bytes"
            .to_owned(),
        "slab_inside" => memcg(
            "cache kind is_charged fs dev objects in_use_objects unused_objects negative_objects \
             dirty_objects dying_objects bytes parents parents_omitted uncounted_objects",
        ),
        "shrinker" => memcg(
            "shrinker fs dev node memcg_aware cause calls_total asked_objects_total \
             scanned_objects_total freed_objects_total time_ns_total p50_ns p99_ns max_ns \
             runs_total freeable_objects deferred_objects yield runs_by_priority",
        ),
        "reclaim" => memcg(
            "cause stalls_total stall_ns_total p50_ns p99_ns max_ns scanned_pages_total \
             reclaimed_pages_total limited_by_path limited_by_serial_nr throttles_total \
             throttle_ns_total background_total background_ns_total visits_total visit_ns_total \
             stall_ns_per_sec usage_bytes high_bytes max_bytes headroom_bytes \
             psi_some_ns_total psi_full_ns_total worst_tasks high_unlimited max_unlimited \
             stalls_now stalled_now",
        ),
        "lock_wait" => "pid tid comm start_ns state cgroup_id path resource mode since_ns \
                        waited_ns evidence stack function holders holders_omitted incomplete \
                        kept_by unconfirmed"
            .to_owned(),
        "open_end" => "resource function waiter why waits max_wait_ns".to_owned(),
        "convoy" => "root resource verdict why waiters max_wait_ns stack".to_owned(),
        "deadlock" => "cycle_id state confidence preexisting sentence members edges victims \
                       missing breakable_by close_ns candidate_ns confirmed_ns blocked_zombies \
                       edges_omitted victims_omitted close_after_ns close_before_ns resolved_ns"
            .to_owned(),
        "lock_stats" => "resource waits_total wait_ns_total p50_ns p99_ns max_ns top_memcgs \
                         top_stacks unmeasured_total holds"
            .to_owned(),
        other => panic!("{other} is not in the contract"),
    }
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
