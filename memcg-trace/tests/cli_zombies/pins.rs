//! `pins` as users run it, on recordings.

use std::fs::File;

use memcg_trace::sample::Sample;
use memcg_trace::sample::recording::Reader;
use serde_json::Value;

use crate::fixture::pins::demo_with_pins;
use crate::fixture::{demo, host, root, walked};
use crate::on_demo;
use crate::tool::{assert_fails, checked, document, keys, recording, run, stderr, stdout};

/// The rows of `pins[]` and their holders, key by key.
#[test]
fn pins_follow_the_contract() {
    const PIN: &str = "kind refs pages bytes source holders holders_omitted truncated_at";
    const ADVICE: &str = "action target why class step steps amount_bytes frees_refs of_refs \
                          frees_bytes frees_at_most cause";
    const HOLDER: &str = "pid comm fd owner_path fs dev ino path ns_ino local remote object refs \
                          pages ns_mount how name state parent_pid cpu held user_refs links \
                          path_of_pid dev_name unit backing container pod namespace";
    let path = recording("pins-contract", host(), &demo_with_pins());
    let text = stdout(&run(&["export", "--from", &path]));
    let records = checked(&text);
    let mut seen = 0;
    for (record, line) in records.iter().zip(text.lines()) {
        if record["type"] != "pins" {
            continue;
        }
        seen += 1;
        let data = &record["data"];
        let mut written = keys(line, 4).join(" ");
        for _ in data["pins"].as_array().unwrap() {
            written = written.strip_prefix(PIN).unwrap().trim_start().to_owned();
        }
        for _ in data["not_checked"].as_array().unwrap() {
            let rest = written.strip_prefix("kind reason").unwrap();
            written = rest.trim_start().to_owned();
        }
        for _ in data["advice"].as_array().unwrap() {
            let rest = written.strip_prefix(ADVICE).unwrap();
            written = rest.trim_start().to_owned();
        }
        assert_eq!(written, "");
        let holders = keys(line, 6).join(" ");
        assert_eq!(holders.replace(HOLDER, "").trim(), "", "{holders}");
        assert_eq!(
            keys(line, 3).join(" "),
            "cgroup_id css_id serial_nr path name unit container pod namespace",
            "of the zombie"
        );
        let rows = data["pins"].as_array().unwrap().iter();
        let found: i64 = rows.map(|row| row["refs"].as_i64().unwrap()).sum();
        let unexplained = data["unexplained_refs"].as_i64().unwrap();
        assert_eq!(data["refs"], found + unexplained);
    }
    // The answer arrives with the fifth of six frames, and stays valid.
    assert_eq!(seen, 2 * 2);
    let last = records.last().unwrap();
    let sections = last["data"]["sections"].as_array().unwrap().iter();
    let pins = sections.clone().find(|section| section["name"] == "pins");
    assert_eq!(pins.unwrap()["source"], "walk");
    assert_eq!(pins.unwrap()["visited"], 6_840);
}

#[test]
fn one_zombie_is_explained() {
    for (at, name) in [
        "backup.service",
        "/system.slice/backup.service",
        "/sys/fs/cgroup/system.slice/backup.service",
        "css:6",
        "ino:1006",
    ]
    .iter()
    .enumerate()
    {
        let output = on_demo(&format!("pins-one-{at}"), &["pins", name, "--json"]);
        let data = document(&output, "pins");
        let items = data["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{name}");
        assert_eq!(items[0]["zombie"]["serial_nr"], 6, "{name}");
        assert_eq!(data["not_checked"], Value::Array(Vec::new()));
        let row = &items[0]["pins"][0];
        assert_eq!(row["kind"], "page_shmem");
        assert_eq!(row["bytes"], 6_656 * 4_096);
        let holder = &row["holders"][0];
        assert_eq!(holder["pid"], 812);
        assert_eq!(holder["owner_path"], "/system.slice/nginx.service");
        assert_eq!(holder["how"], "open");
        // A segment that nobody has attached is a holder without a process.
        assert_eq!(row["holders"][2]["pid"], Value::Null);
        assert_eq!(row["holders"][2]["object"], "sysv_shm");
        assert_eq!(
            items[0]["pins"][2]["holders"][0]["ns_mount"],
            "/run/netns/sandbox"
        );
        let advice = items[0]["advice"].as_array().unwrap();
        assert_eq!(advice[0]["action"], "reclaim");
        assert_eq!(advice[0]["class"], "harmless");
        assert_eq!(advice[0]["amount_bytes"], 40 * 4_096);
        assert_eq!(advice[0]["frees_at_most"], true);
        let removal = advice.iter().find(|one| one["action"] == "remove_file");
        let removal = removal.unwrap();
        assert_eq!(removal["class"], "destroys_data");
        assert_eq!(
            (&removal["step"], &removal["steps"]),
            (&3.into(), &3.into())
        );
        assert_eq!(removal["frees_refs"], 6_400);
        assert_eq!(removal["of_refs"], 6_699);
        assert_eq!(removal["frees_bytes"], 6_400 * 4_096);
        assert_eq!(removal["cause"]["kind"], "page_shmem");
        assert_eq!(removal["cause"]["object"], "/dev/shm/cache.bin");
    }
    let text = stdout(&on_demo("pins-one-text", &["pins", "backup.service"]));
    let order = [
        "/system.slice/backup.service: pinned by 6,656 tmpfs pages of /dev/shm/cache.bin",
        "KIND ",
        "page_shmem            6,656    6,656   26.0 MiB",
        "redis[812] fd 7",
        "nobody has it attached",
        "unexplained               2",
        "not checked: writeback",
        "what would free it",
        "rm /dev/shm/cache.bin",
    ];
    let mut rest = &*text;
    for part in order {
        let at = rest.find(part);
        assert!(at.is_some(), "no {part:?} in its place in {text}");
        rest = &rest[at.unwrap() + part.len()..];
    }
    assert!(!text.contains("session-3"), "{text}");
}

#[test]
fn all_zombies_are_explained_as_far_as_they_were_asked_about() {
    let data = document(&on_demo("pins-all", &["pins", "--json"]), "pins");
    assert_eq!(data["summary"]["zombies"], 4);
    assert_eq!(data["summary"]["answered"], 2);
    assert_eq!(data["summary"]["explained"], 1);
    assert_eq!(data["not_checked"][0]["what"], "pins");
    assert_eq!(data["not_checked"][0]["reason"], "2 zombies have no answer");
    let text = stdout(&on_demo("pins-all-text", &["pins", "--top", "1"]));
    assert!(text.contains("1 more zombie is not shown"), "{text}");
    assert!(!text.contains("make[4711]"), "{text}");
}

#[test]
fn a_name_that_is_no_zombie_says_what_it_is() {
    for (at, (name, parts)) in [
        (
            "nginx.service",
            &["/system.slice/nginx.service (css:5) is alive"][..],
        ),
        (
            "/system.slice/backup.servce",
            &["did you mean /system.slice/backup.service?"],
        ),
        (
            "css:4711",
            &["no zombie css:4711 was found", "memcg-trace zombies"],
        ),
        ("gone.service", &["a name that never was is another"]),
        ("session-4.scope", &["not_recorded", "session-4.scope"]),
    ]
    .iter()
    .enumerate()
    {
        let output = on_demo(&format!("pins-name-{at}"), &["pins", name]);
        assert_fails(&output, 1, parts);
        assert!(output.stdout.is_empty());
    }
    let twins: Vec<Sample> = demo_with_pins()
        .into_iter()
        .map(|mut sample| {
            for row in sample.memcgs.iter_mut().flat_map(|walk| &mut walk.rows) {
                if row.serial_nr == 9 {
                    row.name = "session-4.scope".into();
                }
            }
            sample
        })
        .collect();
    let path = recording("pins-twins", host(), &twins);
    assert_fails(
        &run(&["pins", "session-4.scope", "--from", &path]),
        1,
        &["means 2 zombies", "(css:9)", "(css:10)", "by its css:N"],
    );
}

#[test]
fn a_recording_without_answers_says_so() {
    let path = recording("pins-none", host(), &demo());
    for args in [
        &["pins"][..],
        &["pins", "backup.service"],
        &["pins", "--json"],
    ] {
        let output = run(&[args, &["--from", &path]].concat());
        assert_fails(&output, 1, &["not_recorded", "record --pins"]);
    }
    // Without zombies there is nothing to query.
    let none = recording("pins-no-zombies", host(), &[walked(0, vec![root()])]);
    let output = run(&["pins", "--from", &none, "--json"]);
    assert_eq!(document(&output, "pins")["summary"]["zombies"], 0);
}

/// A replay cannot query a kernel: it copies the recorded answers, and adds none.
#[test]
fn recording_a_recording_keeps_its_answers() {
    let samples = demo_with_pins();
    let path = recording("pins-again", host(), &samples);
    let copy = format!("{path}.copy");
    let output = run(&["record", &copy, "--pins", "--from", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let mut reader = Reader::open(File::open(&copy).unwrap()).unwrap();
    for sample in &samples {
        assert_eq!(reader.read_sample().unwrap().as_ref(), Some(sample));
    }
    assert_eq!(reader.read_sample().unwrap(), None);
}
