//! `serve`, scraped in the guest: series against the kernel's own files, and what a deadlock looks
//! like to those who only read metrics and exit codes.

use std::fs;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::exposition::Metrics;
use crate::host::{Cgroup, Process, eventually, root_stat};
use crate::npd;
use crate::tool;

const URL: &str = "http://127.0.0.1:10977";
/// How much slower than a host an emulated guest on a busy machine may be.
const SLOWER: u64 = 12;

/// What a client gets; the error is what it said.
fn fetch(path: &str) -> Result<String, String> {
    let accept = "Accept: application/openmetrics-text";
    let mut wget = Command::new("wget");
    wget.args(["-q", "-O", "-", "--header", accept]);
    let output = wget.arg(format!("{URL}{path}")).output().unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(tool::stderr(&output).trim().to_owned()),
    }
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, series: T, kernel: T) -> Result<(), String> {
    match series == kernel {
        true => Ok(()),
        false => Err(format!("{what}: {series:?}, but the kernel has {kernel:?}")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "series are f64")]
fn agrees(live: &Cgroup) -> Result<String, String> {
    let metrics = Metrics::open_metrics(&fetch("/metrics")?);
    let dying = root_stat("nr_dying_descendants").map(|count| count as f64);
    let zombies = metrics.sum("memcg_trace_zombies");
    expect("zombies", Some(zombies), dying)?;
    let of = |name: &str, path: &str| metrics.value(name, &[("path", path)]);
    let below = of("memcg_trace_memcg_zombies", "/served");
    expect("zombies below", below, Some(2.0))?;
    let path = live.path();
    let usage = live.get("memory.current").trim().parse().ok();
    let served = of("memcg_trace_memcg_usage_bytes", &path);
    expect("usage", served, usage)?;
    let slab = live.stat("memory.stat", "slab").map(|bytes| bytes as f64);
    expect("slab", of("memcg_trace_memcg_slab_bytes", &path), slab)?;
    if slab == Some(0.0) {
        return Err("no slab is charged yet".to_owned());
    }
    let caches = metrics.sum("memcg_trace_slab_cache_slab_bytes");
    let all = metrics.value("memcg_trace_host_slab_bytes", &[]);
    let all = all.ok_or("slabs are not walked yet")?;
    assert!(caches > 0.0 && caches <= all, "{caches} of {all}");

    // The newest snapshot says the same; a later one than the metrics may have come meanwhile.
    let records: Vec<Value> = serde_json::from_str(&fetch("/snapshot.json")?).unwrap();
    let data = |kind: &str, of: &dyn Fn(&Value) -> bool| {
        let mut found = records.iter().filter(|record| record["type"] == kind);
        found
            .find(|record| of(&record["data"]))
            .map(|record| record["data"].clone())
    };
    let tax = data("tax", &|_| true).ok_or("no tax yet")?;
    expect(
        "zombies of the snapshot",
        tax["zombies"].as_f64(),
        Some(zombies),
    )?;
    let memcg = data("memcg", &|memcg| memcg["path"] == path.as_str()).unwrap();
    expect(
        "usage of the snapshot",
        memcg["usage_bytes"].as_f64(),
        served,
    )?;
    let pair = data("slab", &|row| row["path"] == path.as_str()).ok_or("no slab yet")?;
    let cache = pair["cache"].as_str().unwrap();
    let name = "memcg_trace_slab_share_bytes";
    let share = metrics.value(name, &[("path", &path), ("cache", cache)]);
    expect("slab of the snapshot", share, pair["share_bytes"].as_f64())?;
    Ok(format!(
        "{} series, {zombies} zombies, usage {served:?}, slab {slab:?}, {caches} in caches",
        metrics.series.len()
    ))
}

#[test]
fn series_are_those_of_the_kernel() {
    let served = Cgroup::new("served");
    let _sockets = ["z1", "z2"].map(|name| served.child(name).into_zombie());
    let live = served.child("live");
    live.run(
        "mkdir /tmp/served && cd /tmp/served && for i in $(seq 200); do >file-$i; done",
        &[],
    );
    let args = [
        "serve",
        "-i",
        "300ms",
        "--top",
        "10000",
        "--max-series",
        "100000",
    ];
    let mut server = Process(tool::command(&args).spawn().unwrap());
    let said = eventually("what is served", || agrees(&live));
    println!("{said}");
    assert_eq!(fetch("/healthz"), Ok("ok\n".to_owned()));
    let pid = Pid::from_child(&server.0);
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    fs::remove_dir_all("/tmp/served").unwrap();
}

/// Checks what is said of a deadlock that is there: by metrics in a file, and by the plugin of
/// node-problem-detector, which answers in time.
pub fn tells_of_the_deadlock() {
    const FILE: &str = "/tmp/deadlock.prom";
    eventually("a series of the deadlock", || {
        let args = ["serve", "--textfile", FILE, "-n", "2", "-i", "300ms"];
        let output = tool::run(&args);
        assert_eq!(output.status.code(), Some(0));
        let metrics = Metrics::prometheus(&fs::read_to_string(FILE).unwrap());
        let proven = metrics.value("memcg_trace_deadlocks", &[("state", "confirmed")]);
        expect("proven deadlocks", proven, Some(1.0))
    });
    for (condition, code) in [("CgroupDeadlock", 1), ("ZombieCgroups", 0)] {
        eventually("the plugin's answer", || {
            let answer = npd::ask(condition, SLOWER);
            answer.keeps_the_contract();
            expect(&answer.said, answer.code, Some(code))
        });
    }
}
