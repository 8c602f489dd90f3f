//! Units, containers and pods of cgroups: trees of names as hosts of five kinds have them.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

#[path = "../fixture/mod.rs"]
mod fixture;
mod hosts;
#[cfg(feature = "live")]
mod reader;
#[cfg(feature = "live")]
mod root;
#[cfg(feature = "live")]
mod state_files;

use std::collections::BTreeMap;

use fixture::{ROOT, host, memcg, root, walked, zombie};
use hosts::hosts;
use memcg_trace::model::Model;
use memcg_trace::model::snapshot::MemcgId;
use memcg_trace::output::ndjson::Ndjson;
use memcg_trace::output::{fit, names};
use memcg_trace::sample::{Memcg, Sample, Text};
use serde_json::Value;

/// The rows of a walk that finds these paths, and what is above them.
fn rows(paths: &[&[u8]]) -> Vec<Memcg> {
    let mut serials = BTreeMap::<Vec<u8>, u64>::new();
    let mut rows = vec![root()];
    for path in paths {
        let mut parent = ROOT;
        let mut at = Vec::new();
        for name in path.split(|byte| *byte == b'/').skip(1) {
            at = [&*at, b"/", name].concat();
            let next = ROOT + 1 + serials.len() as u64;
            let serial_nr = *serials.entry(at.clone()).or_insert(next);
            if serial_nr == next {
                rows.push(memcg(serial_nr, parent, name));
            }
            parent = serial_nr;
        }
    }
    rows
}

/// The records of a type, by path.
fn records(samples: &[Sample], kind: &str) -> BTreeMap<String, Value> {
    let mut written = Vec::new();
    let mut records = Ndjson::new(&mut written, host());
    let mut model = Model::new();
    for sample in samples {
        records.write(&model.step(sample)).unwrap();
    }
    drop(records);
    let lines = std::str::from_utf8(&written).unwrap().lines();
    let records = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_kind = records.filter(|record| record["type"] == kind);
    of_kind
        .map(|record| {
            let data = record["data"].clone();
            (data["path"].as_str().unwrap().to_owned(), data)
        })
        .collect()
}

fn id(path: &[u8]) -> MemcgId {
    MemcgId {
        path: Text::from(path),
        ..MemcgId::default()
    }
}

#[test]
fn names_of_five_hosts_tell_what_cgroups_belong_to() {
    for (kind, cgroups) in hosts() {
        let paths: Vec<&[u8]> = cgroups.iter().map(|one| one.path.as_bytes()).collect();
        let records = records(&[walked(1, rows(&paths))], "memcg");
        for one in &cgroups {
            let path = &one.path;
            let record = &records[path];
            let known = |key: &str| record[key].as_str().map(str::to_owned);
            assert_eq!(known("unit"), one.unit, "{kind}: {path}");
            assert_eq!(known("container"), one.container, "{kind}: {path}");
            assert_eq!(known("pod"), one.pod, "{kind}: {path}");
            assert_eq!(record["namespace"], Value::Null, "{kind}: {path}");
            let shown = names::path(Some(&id(path.as_bytes())));
            let label = one.label.as_ref().map(|label| format!(" ({label})"));
            assert_eq!(
                shown,
                format!("{path}{}", label.unwrap_or_default()),
                "{kind}"
            );
        }
    }
}

#[test]
fn the_dead_and_tasks_have_the_same_names() {
    let id = "4f0c7a2be91d".repeat(6)[..64].to_owned();
    let name = format!("docker-{id}.scope");
    let dead = zombie(3, 2, name.as_str(), 7);
    let rows = vec![root(), memcg(2, ROOT, "system.slice"), dead];
    let records = records(&[walked(1, rows)], "zombie");
    let record = &records[&format!("/system.slice/{name}")];
    assert_eq!(record["container"], *id);
    assert_eq!(record["unit"], *name);
}

/// Names that are nearly those of containers, pods and units.
#[test]
fn near_misses_stay_paths() {
    let long = "0123456789abcdef".repeat(4);
    for path in [
        "/".to_owned(),
        "/jobs".to_owned(),
        format!("/system.slice2/docker-{}.scop", &long[..63]),
        format!("/a/{}", &long[..63]),
        format!("/a/{}", long.to_uppercase()),
        format!("/a/{long}0"),
        format!("/a/x-{long}"),
        format!("/a/conmon-{long}"),
        format!("/a/crio-conmon-{long}"),
        "/lxc".to_owned(),
        "/pod".to_owned(),
        "/podium".to_owned(),
        "/kubepods/besteffort".to_owned(),
        "/pod6ba7b810-9dad-11d1-80b4-00c04fd430c".to_owned(),
        "/pod6ba7b810_9dad-11d1x80b4-00c04fd430c8".to_owned(),
        "/x-pod6ba7b810-9dad-11d1-80b4-00c04fd430c8".to_owned(),
        format!("/a:b:c:{long}"),
    ] {
        let found = id(path.as_bytes()).workload();
        assert_eq!(found.unit, None, "{path}");
        assert_eq!(found.container, None, "{path}");
        assert_eq!(found.pod, None, "{path}");
        assert_eq!(names::path(Some(&id(path.as_bytes()))), path);
    }
}

#[test]
fn hostile_names_stay_tame() {
    let evil = b"\x1b[2J\xff\n";
    let paths: [&[u8]; 5] = [
        &[b"/a/", &evil[..], b".service"].concat(),
        &[b"/lxc/", &evil[..]].concat(),
        &[b"/lxc.payload.", &evil[..]].concat(),
        &[b"/machine.slice/machine-\\x1b\\x5b2J", &evil[..], b".scope"].concat(),
        &[b"/kubepods/pod", &evil[..]].concat(),
    ];
    for path in paths {
        let shown = names::path(Some(&id(path)));
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
    for (path, record) in records(&[walked(1, rows(&paths))], "memcg") {
        assert!(!path.contains(char::is_control), "{path:?}");
        for key in ["unit", "container", "pod"] {
            let text = record[key].as_str().unwrap_or_default();
            assert!(!text.contains(char::is_control), "{text:?}");
            let is_whole = record.get(format!("{key}_hex")).is_some();
            assert_eq!(is_whole, text.contains('\u{fffd}'), "{record}");
        }
    }
    // As long as the kernel allows, and of any depth.
    let long = [&b"/lxc/"[..], &[b'\\'; 255]].concat();
    assert!(id(&long).workload().container.is_some());
    assert_eq!(id(&b"/a:b:c".repeat(700)).workload().container, None);
}

/// A short id is never cut, whatever the width.
#[test]
fn a_label_stands_beside_the_path_where_there_is_room() {
    let hosts = hosts();
    let (_, cgroups) = &hosts[1];
    for one in cgroups {
        let Some(container) = &one.container else {
            continue;
        };
        let shown = names::path(Some(&id(one.path.as_bytes())));
        for columns in 32..fit::width(&shown) + 2 {
            let cut = fit::cut_cell(&shown, columns);
            assert!(fit::width(&cut) <= columns, "{cut}");
            let is_last = one.path.rsplit('/').next().unwrap().contains(container);
            let is_whole = cut.contains(&container[..12]);
            let is_out = !is_last && !cut.contains(&container[..3]);
            assert!(is_whole || is_out, "{columns}: {cut}");
        }
    }
}
