//! `slab` as users run it, on a recording.

use serde_json::Value;

use crate::fixture::slab_walk::demo_with_slab;
use crate::fixture::{host, root, walked};
use crate::tool::{assert_fails, checked, document, recording, run, stdout};

/// Runs a verb on a recording of the demo.
fn on_demo(name: &str, args: &[&str]) -> std::process::Output {
    let path = recording(name, host(), &demo_with_slab());
    run(&[args, &["--from", &path]].concat())
}

#[test]
fn slab_is_one_document() {
    let data = document(&on_demo("slab-json", &["slab", "--json"]), "slab");
    let first = &data["items"][0];
    assert_eq!(
        (&first["path"], &first["cache"]),
        (&"/system.slice/nginx.service".into(), &"dentry".into())
    );
    assert_eq!(first["objects"], 80);
    assert_eq!(first["bytes"], 80 * 1536);
    assert_eq!(first["utilization"], 0.559);
    assert_eq!(first["alloc_total"], 2_000);
    let summary = &data["summary"];
    assert_eq!(summary["slab_pages"], 14 * 8);
    assert_eq!(summary["live_objects"], 150);
    assert_eq!(summary["unaccounted_objects"], 20);
    assert_eq!(
        summary["inherited"][0]["inherited_bytes"],
        15 * 1544 + 3 * 4096
    );
    assert_eq!(summary["inherited"][0]["lru_bytes"], Value::Null);
    assert_eq!(summary["caches"][0]["cache"], "dentry");
    assert_eq!(data["not_checked"], Value::Array(Vec::new()));
}

#[test]
fn rows_are_sorted_cut_and_restricted() {
    let listed = |args: &[&str]| {
        let args = [&["slab", "--json"], args].concat();
        let data = document(&on_demo(&args.concat().replace('/', "_"), &args), "slab");
        let items = data["items"].as_array().unwrap().iter();
        let objects = items.map(|item| item["objects"].as_u64().unwrap());
        objects.collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]), [80, 30, 20]);
    assert_eq!(listed(&["--sort", "inherited"]), [20, 80, 30]);
    assert_eq!(listed(&["--sort", "utilization"]), [30, 80, 20]);
    assert_eq!(listed(&["--sort", "cache", "--top", "1"]), [80]);
    assert_eq!(listed(&["--cache", "dentry"]), [80, 20]);
    assert_eq!(listed(&["--cgroup", "/user.slice"]), [30, 20]);
}

#[test]
fn slab_text_is_for_people() {
    let text = stdout(&on_demo("slab-text", &["slab"]));
    for part in [
        "slab: 448.0 KiB in 112 pages of 2 caches, 50 % used; packing would free 48 pages",
        "charged: 130 objects on 389.4 KiB to 2 memcgs; to nobody: 20 objects on 58.6 KiB",
        "walk: 262.1k pages in 20.0 ms, 0 s ago",
        "(unaccounted)",
        "INHERITED BY",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let part = stdout(&on_demo("slab-part", &["slab", "--cgroup", "/user.slice"]));
    assert!(
        !part.contains("(unaccounted)") && !part.contains("nginx"),
        "{part}"
    );
}

#[test]
fn what_cannot_be_answered_is_an_error() {
    let none = recording("slab-none", host(), &[walked(0, vec![root()])]);
    assert_fails(&run(&["slab", "--from", &none]), 1, &["not_recorded"]);
    assert_fails(
        &on_demo("slab-typo", &["slab", "--cache", "dentri"]),
        1,
        &["did you mean dentry?"],
    );
}

/// A walk is written with the frame in which it arrives, joined with the counts of events.
#[test]
fn a_stream_has_each_walk_once() {
    let records = checked(&stdout(&on_demo("slab-export", &["export"])));
    let of = |kind: &str| {
        records
            .iter()
            .filter(|one| one["type"] == kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("slab_cache").len(), 2);
    let walked: Vec<_> = of("slab")
        .into_iter()
        .filter(|one| !one["data"]["objects"].is_null())
        .collect();
    assert_eq!(walked.len(), 4, "and one that only events know");
    let nginx = walked
        .iter()
        .find(|one| one["data"]["name"] == "nginx.service")
        .unwrap();
    assert_eq!(nginx["frame"], 5);
    assert_eq!(nginx["data"]["objects"], 80);
    assert_eq!(nginx["data"]["alloc_total"], 2_000);
}
