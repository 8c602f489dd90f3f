//! `serve` on recordings: metrics, the newest snapshot, a file, and clients of all kinds.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot continue says where"
)]

mod clients;
mod documented;
mod exposition;
#[path = "../fixture/mod.rs"]
mod fixture;
mod incidents;
mod outputs;
mod server;
#[path = "../tool/mod.rs"]
mod tool;

use std::collections::BTreeSet;

use exposition::Metrics;
use fixture::{ROOT, demo, evil_host, host, hostile, memcg, root, waits, walked, zombie};
use serde_json::Value;
use server::Server;
use tool::recording;

fn metrics(server: &Server) -> Metrics {
    let (status, head, body) = server.get("/metrics");
    assert_eq!(status, 200);
    assert!(head.contains("application/openmetrics-text"), "{head}");
    Metrics::open_metrics(&body)
}

/// The `data` of all records of a type in the newest snapshot.
fn records(server: &Server, kind: &str) -> Vec<Value> {
    let (status, _, body) = server.get("/snapshot.json");
    assert_eq!(status, 200);
    let records: Vec<Value> = serde_json::from_str(&body).unwrap();
    for record in &records {
        tool::schemas::assert_valid(record["type"].as_str().unwrap(), record);
    }
    let of = records.into_iter().filter(|record| record["type"] == kind);
    of.map(|mut record| record["data"].take()).collect()
}

#[test]
fn metrics_are_those_of_the_newest_snapshot() {
    let server = Server::start(&recording("served", host(), &demo()), &[]);
    let metrics = metrics(&server);
    let memcgs = records(&server, "memcg");
    let alive = |one: &&Value| one["alive"] == true;
    assert_eq!(memcgs.iter().filter(alive).count(), 8);
    for memcg in memcgs.iter().filter(alive) {
        let path = [("path", memcg["path"].as_str().unwrap())];
        for key in ["usage_bytes", "slab_bytes", "zombies", "kmem_bytes"] {
            let name = format!("memcg_trace_memcg_{key}");
            assert_eq!(metrics.value(&name, &path), memcg[key].as_f64(), "{path:?}");
        }
        let max = memcg["max_bytes"].as_f64();
        let max = max.filter(|_| memcg["max_unlimited"] == false);
        assert_eq!(metrics.value("memcg_trace_memcg_max_bytes", &path), max);
    }
    let tax = &records(&server, "tax")[0];
    assert_eq!(
        Some(metrics.sum("memcg_trace_zombies")),
        tax["zombies"].as_f64()
    );
    let pinned = metrics.value("memcg_trace_zombies", &[("phase", "pinned")]);
    let zombies = records(&server, "zombie");
    let all_pinned = zombies.iter().filter(|zombie| zombie["phase"] == "pinned");
    assert_eq!(pinned, Some(all_pinned.count() as f64));
    assert_eq!(
        metrics.sum("memcg_trace_origin_zombies"),
        zombies.len() as f64
    );
    let dead = metrics.value("memcg_trace_tax_dead_reclaim_visits_total", &[]);
    assert_eq!(dead, tax["dead_reclaim_visits_total"].as_f64());
    let slab = records(&server, "slab");
    assert!(slab.len() > 2);
    for row in slab {
        let [path, cache] = ["path", "cache"].map(|key| (key, row[key].as_str().unwrap()));
        let alloc = metrics.value("memcg_trace_slab_alloc_total", &[path, cache]);
        assert_eq!(alloc, row["alloc_total"].as_f64());
    }
    let stalls = records(&server, "reclaim");
    let high = stalls.iter().find(|row| row["cause"] == "high").unwrap();
    let name = "memcg_trace_reclaim_stall_seconds_total";
    let waited = metrics.value(name, &[("cause", "high")]).unwrap();
    assert_eq!(
        (waited * 1e9).round(),
        high["stall_ns_total"].as_f64().unwrap()
    );
    let name = "memcg_trace_lock_stats_waits_total";
    assert_eq!(metrics.value(name, &[("lock", "cgroup_mutex")]), Some(19.0));
    assert_eq!(metrics.value("memcg_trace_lock_waits", &[]), Some(2.0));
    assert_eq!(
        metrics.value("memcg_trace_lost_total", &[("where", "slab")]),
        Some(0.0)
    );
    // Nobody looked for deadlocks: that is not "none".
    assert_eq!(metrics.sum("memcg_trace_deadlocks"), 0.0);
    assert_eq!(
        metrics.value("memcg_trace_deadlocks", &[("state", "confirmed")]),
        None
    );
    let age = metrics.value("memcg_trace_section_age_seconds", &[("section", "memcg")]);
    assert_eq!(age, Some(3.0));
    assert_eq!(server.end(), Some(0));
}

#[test]
fn a_deadlock_is_a_series() {
    let server = Server::start(
        &recording("dead", host(), &waits::demo_with_deadlock()),
        &[],
    );
    let metrics = metrics(&server);
    let proven = records(&server, "deadlock");
    assert_eq!(proven.len(), 1);
    let found = metrics.value("memcg_trace_deadlocks", &[("state", "confirmed")]);
    assert_eq!(found, Some(1.0));
    let name = "memcg_trace_deadlock_verdict";
    assert_eq!(metrics.value(name, &[("verdict", "deadlock")]), Some(1.0));
    assert_eq!(
        metrics.value(name, &[("verdict", "no_deadlock")]),
        Some(0.0)
    );
}

#[test]
fn names_that_strangers_chose_are_labels_and_no_more() {
    let server = Server::start(&recording("evil", evil_host(), &hostile()), &[]);
    let evil = metrics(&server);
    let with_bytes = evil.series.iter();
    let with_bytes = with_bytes.filter(|(_, labels, _)| labels.contains_key("path_hex"));
    assert!(with_bytes.count() > 10);
    let mut quoted = memcg(2, ROOT, "say \"x\\n\" {a=\"b\"} 1");
    quoted.usage_bytes = Some(77);
    let other = |name: &[u8], serial_nr| memcg(serial_nr, ROOT, name);
    let rows = vec![root(), quoted, other(b"\xff", 3), other(b"\xfe", 4)];
    let server = Server::start(&recording("quoted", host(), &[walked(0, rows)]), &[]);
    let metrics = metrics(&server);
    let name = "memcg_trace_memcg_usage_bytes";
    let path = ("path", "/say \"x\\n\" {a=\"b\"} 1");
    assert_eq!(metrics.value(name, &[path]), Some(77.0));
    // Both are shown as one replacement character, and are two series all the same.
    for (hex, serial_nr) in [("2fff", 3_u64), ("2ffe", 4)] {
        let usage = metrics.value(name, &[("path_hex", hex)]);
        assert_eq!(usage, Some((serial_nr << 20) as f64));
    }
}

#[test]
fn no_series_is_about_a_process_or_an_address() {
    let mut keys = BTreeSet::new();
    for (name, samples) in [("labels", demo()), ("labels2", waits::demo_with_deadlock())] {
        let server = Server::start(&recording(name, host(), &samples), &[]);
        for (name, labels, _) in metrics(&server).series {
            for (key, value) in labels {
                let has_address = value.contains("0xffff");
                assert!(!has_address, "{name} {key}={value}");
                for comm in ["mkdir", "nginx[", "kworker"] {
                    assert!(!value.contains(comm), "{name} {key}={value}");
                }
                keys.insert(key);
            }
        }
    }
    let known = [
        "cache",
        "cause",
        "dev",
        "fs",
        "kernel",
        "kind",
        "limited_by_path",
        "lock",
        "node",
        "parent",
        "path",
        "phase",
        "rows",
        "section",
        "shape",
        "shrinker",
        "state",
        "status",
        "verdict",
        "version",
        "what",
        "where",
    ];
    let known: BTreeSet<String> = known.map(str::to_owned).into();
    assert_eq!(keys.difference(&known).count(), 0, "{keys:?}");
}

#[test]
fn series_are_bounded_and_what_is_cut_is_counted() {
    let many = (2..=600).map(|at| memcg(at, ROOT, format!("unit-{at}.service").as_bytes()));
    let dead = (601..=700).map(|at| zombie(at, ROOT, format!("job{at}").as_bytes(), 1));
    let rows: Vec<_> = [root()].into_iter().chain(many).chain(dead).collect();
    let path = recording("many", host(), &[walked(0, rows)]);
    let omitted =
        |metrics: &Metrics, rows| metrics.value("memcg_trace_rows_omitted", &[("rows", rows)]);

    let server = Server::start(&path, &["--top", "20"]);
    let top = metrics(&server);
    assert_eq!(omitted(&top, "memcg"), Some(580.0));
    let name = "memcg_trace_memcg_usage_bytes";
    let largest = top.value(name, &[("path", "/unit-600.service")]);
    assert_eq!(largest, Some((600_u64 << 20) as f64));
    assert_eq!(top.value(name, &[("path", "/unit-2.service")]), None);
    // The dead are counted all the same.
    assert_eq!(top.sum("memcg_trace_zombies"), 100.0);
    assert_eq!(omitted(&top, "origin"), Some(0.0));
    assert_eq!(top.sum("memcg_trace_origin_zombies"), 100.0);

    let server = Server::start(&path, &["--top", "10000", "--max-series", "300"]);
    let bounded = metrics(&server);
    let series = bounded.series.len();
    assert!((250..=300).contains(&series), "{series}");
    assert!(omitted(&bounded, "memcg") > Some(500.0));
}

#[test]
fn ten_thousand_memcgs_stay_within_the_budget_of_each_setting() {
    let many = (2..=10_001).map(|at| memcg(at, ROOT, format!("unit-{at}.service").as_bytes()));
    let rows: Vec<_> = [root()].into_iter().chain(many).collect();
    let path = recording("ten-thousand", host(), &[walked(0, rows)]);
    for (flags, most) in [
        (&[][..], 2_000),
        (&["--top", "100000"][..], 2_000),
        (&["--top", "100000", "--max-series", "20000"][..], 20_000),
    ] {
        let server = Server::start(&path, flags);
        let metrics = metrics(&server);
        let series = metrics.series.len();
        assert!(series <= most, "{flags:?}: {series}");
        assert_eq!(metrics.value("memcg_trace_memcgs", &[]), Some(10_001.0));
        let named = metrics.series.iter();
        let named = named.filter(|(name, _, _)| name == "memcg_trace_memcg_usage_bytes");
        let omitted = metrics.value("memcg_trace_rows_omitted", &[("rows", "memcg")]);
        assert_eq!(omitted, Some(10_001.0 - named.count() as f64), "{flags:?}");
    }
}
