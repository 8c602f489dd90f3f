//! `compare`: two recordings side by side.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;
#[expect(dead_code, reason = "there is no stream of records here")]
mod tool;

use fixture::slab_walk::{answered, cache, walk};
use fixture::{host, memcg, root, walked, zombie};
use memcg_trace::sample::slab_walk::Share;
use memcg_trace::sample::{Memcg, Sample};
use tool::{assert_fails, document, file, recording, run, stdout};

/// A run in which /db has so many MiB and so many KiB of slab, and the host so many slabs of 32
/// KiB.
fn ran(figures: &[(u64, u64, u64)]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (second, (memory_mib, slab_kib, slabs)) in (0..).zip(figures) {
        let db = Memcg {
            usage_bytes: Some(memory_mib << 20),
            slab_bytes: Some(slab_kib << 10),
            kmem_bytes: Some((slab_kib + 100) << 10),
            ..memcg(2, 1, "db")
        };
        let dead = Memcg {
            usage_bytes: Some(1 << 50),
            ..zombie(3, 1, "dead", 4)
        };
        samples.push(walked(second, vec![root(), db, dead]));
        let caches = vec![cache(0xc1, "dentry", *slabs, 10, Share::default())];
        samples.push(answered(second, walk(second, caches, vec![])));
    }
    samples
}

#[test]
fn peaks_and_what_they_were_reduced_by() {
    let a = recording(
        "compare-a",
        host(),
        &ran(&[(300, 800, 10), (337, 814, 100), (200, 1, 3)]),
    );
    let b = recording("compare-b", host(), &ran(&[(335, 610, 75), (330, 607, 70)]));
    let data = document(&run(&["compare", &a, &b, "--json"]), "compare");
    let slab = &data["summary"]["host_slab_peak_bytes"];
    assert_eq!(
        (&slab["a"], &slab["b"]),
        (&(100 * 32_768).into(), &(75 * 32_768).into())
    );
    assert_eq!(slab["reduction_percent"], 25.0);
    assert_eq!(data["summary"]["snapshots_a"], 6);
    let items = data["items"].as_array().unwrap();
    assert!(
        items.iter().all(|item| item["path"] != "/dead"),
        "its figures are stale"
    );
    let db = items.iter().find(|item| item["path"] == "/db").unwrap();
    assert_eq!(db["memory_peak_bytes"]["a"], 337 << 20);
    assert_eq!(db["memory_peak_bytes"]["reduction_percent"], 0.6);
    assert_eq!(db["slab_peak_bytes"]["b"], 610 << 10);
    assert_eq!(db["slab_peak_bytes"]["reduction_percent"], 25.1);

    assert_eq!(db["kmem_peak_bytes"]["a"], 914 << 10);
    assert_eq!(data["not_checked"].as_array().unwrap().len(), 0);

    // Records say the same, also beside a recording; a record that was cut out is missed.
    let export = stdout(&run(&["export", "--from", &a]));
    let records = file("compare-a.ndjson", export.as_bytes());
    assert_eq!(
        document(&run(&["compare", &records, &b, "--json"]), "compare"),
        data
    );
    let frame = |line: &&str| !line.contains(r#""type":"zombie""#);
    let lines: Vec<_> = export.lines().filter(frame).collect();
    let cut = file("compare-cut.ndjson", (lines.join("\n") + "\n").as_bytes());
    let text = stdout(&run(&["compare", &cut, &b]));
    assert!(text.contains("A lacks"), "{text}");
    let bad = file("compare-bad.ndjson", b"{\"type\":\"memcg\"}\n");
    assert_fails(&run(&["compare", &bad, &b]), 1, &["line 1 is no record"]);

    let text = stdout(&run(&["compare", &a, &b]));
    assert!(
        text.contains("slab of the host, peak: 3.1 MiB, then 2.3 MiB: reduced by 25.0 %"),
        "{text}"
    );
    assert!(text.contains("/db"), "{text}");
    let top = stdout(&run(&["compare", &a, &b, "--top", "1"]));
    assert!(top.contains("/db") && top.contains("and 1 more"), "{top}");
}

#[test]
fn what_only_one_run_has_is_not_zero() {
    let a = recording(
        "compare-one",
        host(),
        &[walked(0, vec![root(), memcg(2, 1, "gone")])],
    );
    let b = recording("compare-other", host(), &[walked(0, vec![root()])]);
    let data = document(&run(&["compare", &a, &b, "--json"]), "compare");
    let items = data["items"].as_array().unwrap();
    let gone = items.iter().find(|item| item["path"] == "/gone").unwrap();
    assert!(gone["memory_peak_bytes"]["b"].is_null());
    assert!(gone["memory_peak_bytes"]["reduction_percent"].is_null());
    assert!(data["summary"]["host_slab_peak_bytes"]["a"].is_null());
    let gaps = data["not_checked"].to_string();
    assert!(gaps.contains("slab stands in"), "{gaps}");
    let text = stdout(&run(&["compare", &b, &a]));
    assert!(
        text.contains("slab of the host, peak: -, then -: reduced by -"),
        "{text}"
    );
    assert_fails(&run(&["compare", &a, "/nonexistent"]), 1, &["/nonexistent"]);
    assert_fails(
        &run(&["compare", &a, &recording("compare-empty", host(), &[])]),
        1,
        &["not one sample"],
    );
}
