//! The model and the views of a cache's contents.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;
mod tool;

use fixture::slab_walk::{answered, cache, demo_with_slab, walk};
use fixture::{host, root, walked};
use memcg_trace::sample::Sample;
use memcg_trace::sample::slab_inside::{InsideParent, InsideRow, ObjectKind, SlabInside, States};
use memcg_trace::sample::slab_walk::Share;
use serde_json::{Value, json};
use tool::{assert_fails, checked, document, recording, run, stdout};

fn states(in_use: u64, unused: u64, negative: u64) -> States {
    States {
        in_use,
        unused,
        negative,
        ..States::default()
    }
}

fn row(memcg: Option<u64>, states: States, parents: Vec<InsideParent>) -> InsideRow {
    InsideRow {
        memcg_serial_nr: memcg,
        is_charged: memcg.is_some(),
        fs: Some("ext4".into()),
        dev: Some("8:1".to_owned()),
        states,
        parents,
        ..InsideRow::default()
    }
}

fn parent(path: Option<&str>, states: States) -> InsideParent {
    InsideParent {
        path: path.map(Into::into),
        states,
    }
}

/// The demo, and then a scan of its dentries: nginx looks up names that do not exist.
fn looked_into(kind: ObjectKind) -> Vec<Sample> {
    let mut samples = demo_with_slab();
    samples.push(Sample {
        slab_inside: Some(SlabInside {
            cache: "dentry".into(),
            kind,
            size_bytes: 192,
            visited_objects: 125,
            unread_objects: 2,
            rows: vec![
                row(Some(8), states(5, 15, 0), vec![]),
                InsideRow {
                    parents_omitted: 7,
                    ..row(
                        Some(5),
                        states(1, 9, 70),
                        vec![
                            parent(Some("/srv/www"), states(0, 2, 60)),
                            parent(None, states(1, 0, 0)),
                        ],
                    )
                },
                row(None, states(25, 0, 0), vec![]),
            ],
            ..SlabInside::default()
        }),
        ..fixture::empty(6)
    });
    samples
}

fn on(name: &str, kind: ObjectKind, args: &[&str]) -> std::process::Output {
    let path = recording(name, host(), &looked_into(kind));
    run(&[args, &["--from", &path]].concat())
}

#[test]
fn a_look_is_one_document() {
    let args = ["slab", "--json", "--inside", "dentry"];
    let data = document(&on("inside-json", ObjectKind::Dentry, &args), "slab_inside");
    let summary = &data["summary"];
    assert_eq!(summary["objects"], 125);
    assert_eq!(summary["negative_objects"], 70);
    assert_eq!(summary["dirty_objects"], Value::Null);
    assert_eq!(summary["bytes"], 125 * 192);
    assert_eq!(summary["unread_objects"], 2);
    assert_eq!(data["not_checked"][0]["what"], "slab_inside");
    let nginx = &data["items"][0];
    assert_eq!(nginx["path"], "/system.slice/nginx.service");
    assert_eq!(
        (&nginx["fs"], &nginx["dev"]),
        (&json!("ext4"), &json!("8:1"))
    );
    assert_eq!(nginx["parents"][0]["path"], "/srv/www");
    assert_eq!(nginx["parents"][0]["negative_objects"], 60);
    assert_eq!(nginx["parents"][1]["path"], Value::Null);
    assert_eq!(nginx["parents_omitted"], 7);
    let nobody = &data["items"][1];
    assert_eq!(
        (&nobody["path"], &nobody["is_charged"]),
        (&Value::Null, &json!(false))
    );
}

#[test]
fn rows_are_cut_and_restricted() {
    let listed = |name: &str, args: &[&str]| {
        let args = [&["slab", "--json", "--inside", "dentry"], args].concat();
        let data = document(&on(name, ObjectKind::Dentry, &args), "slab_inside");
        let items = data["items"].as_array().unwrap().iter();
        let objects = items.map(|item| item["objects"].as_u64().unwrap());
        objects.collect::<Vec<_>>()
    };
    assert_eq!(listed("inside-all", &[]), [80, 25, 20]);
    assert_eq!(listed("inside-top", &["--top", "1"]), [80]);
    assert_eq!(listed("inside-part", &["--cgroup", "/user.slice"]), [20]);
}

#[test]
fn a_look_as_text_is_for_people() {
    let args = ["slab", "--inside", "dentry"];
    let text = stdout(&on("inside-text", ObjectKind::Dentry, &args));
    for part in [
        "dentry: 125 dentries, 23.4 KiB: 31 in use, 24 unused, 70 negative, 0 dying",
        "2 objects could not be read, not counted",
        "NEGATIVE",
        "/srv/www",
        "(in no directory)",
        "(unaccounted)",
        "… and 7 more",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

/// There are no negative inodes and no dirty dentries.
#[test]
fn a_stream_has_each_look_once() {
    for (kind, none) in [
        (ObjectKind::Dentry, "dirty_objects"),
        (ObjectKind::Inode, "negative_objects"),
    ] {
        let mut samples = looked_into(kind);
        samples.push(fixture::empty(7));
        let path = recording(&format!("inside-{none}"), host(), &samples);
        let records = checked(&stdout(&run(&["export", "--from", &path])));
        let looks: Vec<_> = records
            .iter()
            .filter(|record| record["type"] == "slab_inside")
            .collect();
        assert_eq!(looks.len(), 3);
        assert!(looks.iter().all(|look| look["data"][none].is_null()));
    }
}

#[test]
fn other_caches_and_no_look_are_errors() {
    let unknown = |cache: &str| {
        on(
            "inside-unknown",
            ObjectKind::Unknown,
            &["slab", "--inside", cache],
        )
    };
    assert_fails(&unknown("dentry"), 1, &["neither dentries nor inodes"]);
    assert_fails(&unknown("inode"), 1, &["not_recorded"]);
    let caches = vec![cache(0xc1, "dentry", 1, 5, Share::default())];
    let samples = [
        walked(0, vec![root()]),
        answered(1, walk(1, caches, vec![])),
    ];
    let path = recording("inside-never", host(), &samples);
    assert_fails(
        &run(&["slab", "--inside", "dentry", "--from", &path]),
        1,
        &["not_recorded"],
    );
}
