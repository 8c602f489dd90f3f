//! The black box of `serve`, on recordings: what it writes, what it keeps, and `incidents`.

mod broken;
mod hostile;
mod recorded;

use std::fs;
use std::path::{Path, PathBuf};

use memcg_trace::sample::Sample;
use memcg_trace::sample::recording::Reader;
use serde_json::Value;

use super::*;
use crate::fixture::{START_NS, count, oom_kill, slab};
use crate::tool::{checked, document, memcg_trace, run, stderr, stdout};

/// Seconds of a host: some memory cgroups, slab counters that move now and then, and OOM kills in
/// some of the seconds.
fn host_with_kills(seconds: u64, kills: &[u64]) -> Vec<Sample> {
    let second = |second: u64| {
        let mut counts = vec![count(
            0x01,
            0xc1,
            3,
            1_000 + 250 * second,
            400 + 100 * second,
        )];
        if second.is_multiple_of(25) {
            counts.push(count(0x02, 0xc2, 2, 5_000 + second, 4_900));
        }
        let is_kill = kills.contains(&second);
        let kill = || vec![oom_kill(START_NS + second * fixture::SECOND, 3)];
        Sample {
            slab: Some(slab(second, counts)),
            oom_kills: is_kill.then(kill),
            ..walked(
                second,
                vec![
                    root(),
                    memcg(2, ROOT, "a.service"),
                    memcg(3, ROOT, "b.service"),
                ],
            )
        }
    };
    (0..seconds).map(second).collect()
}

/// An empty folder.
fn folder(test: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("incidents-{test}"));
    let _ = fs::remove_dir_all(&folder);
    folder
}

/// Serves a recording until its end, with a black box. Returns its metrics.
fn serve(recording: &str, folder: &Path, flags: &[&str]) -> Metrics {
    let metrics = folder.with_extension("prom");
    let mut command = memcg_trace(&["serve", "--from", recording, "-n", "1", "--textfile"]);
    command.arg(&metrics).arg("--incidents").arg(folder);
    let output = command.args(flags).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    Metrics::prometheus(&fs::read_to_string(&metrics).unwrap())
}

/// The document of `incidents`; each of its items is as the schema says.
fn listed(folder: &Path) -> Value {
    let output = memcg_trace(&["incidents", "--json"]).arg(folder).output();
    let output = output.unwrap();
    let mut record: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let items = record["data"]["items"].take();
    for item in items.as_array().unwrap() {
        record["data"] = item.clone();
        tool::schemas::assert_valid("incident", &record);
    }
    document(&output, "incident")
}

/// The items of that document.
fn items(folder: &Path) -> Vec<Value> {
    listed(folder)["items"].as_array().unwrap().clone()
}

/// The only item, and the path of its recording.
fn only(folder: &Path) -> (Value, String) {
    let mut items = items(folder);
    assert_eq!(items.len(), 1, "{items:#?}");
    let item = items.remove(0);
    let path = folder.join(item["file"].as_str().unwrap());
    (item, path.to_str().unwrap().to_owned())
}

/// Names of all files.
fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The records that `export` makes of a recording.
fn exported(recording: &str) -> Vec<Value> {
    let output = run(&["export", "--from", recording]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    checked(&stdout(&output))
}

fn samples(recording: &str) -> Vec<Sample> {
    let mut reader = Reader::open(fs::File::open(recording).unwrap()).unwrap();
    std::iter::from_fn(|| reader.read_sample().unwrap()).collect()
}

fn outcome(metrics: &Metrics, outcome: &str) -> Option<f64> {
    metrics.value("memcg_trace_incidents_total", &[("outcome", outcome)])
}
