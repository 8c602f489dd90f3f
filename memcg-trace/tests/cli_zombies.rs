//! `zombies` and `pins` as users run them, on recordings.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod fixture;
mod tool;

use std::fs::File;

use fixture::pins::{demo_with_pins, object, open, pin, pinned};
use fixture::{demo, evil_host, host, hostile, root, walked};
use memcg_trace::sample::pins::{Object, ObjectKind, PinKind};
use memcg_trace::sample::recording::Reader;
use memcg_trace::sample::{Absent, DyingCgroup, DyingCgroups, Sample};
use serde_json::Value;
use tool::{assert_fails, checked, document, keys, memcg_trace, recording, run, stderr, stdout};

/// Runs a verb on a recording of the demo.
fn on_demo(name: &str, args: &[&str]) -> std::process::Output {
    let path = recording(name, host(), &demo_with_pins());
    run(&[args, &["--from", &path]].concat())
}

fn paths(items: &Value) -> Vec<&str> {
    let items = items.as_array().unwrap().iter();
    items.map(|item| item["path"].as_str().unwrap()).collect()
}

#[test]
fn zombies_are_listed() {
    let output = on_demo("zombies", &["zombies", "--json"]);
    let data = document(&output, "zombie");
    assert_eq!(data["summary"]["memcgs"], 12);
    assert_eq!(data["summary"]["zombies"], 4);
    assert_eq!(data["summary"]["by_phase"]["kill_pending"], 1);
    assert_eq!(data["not_checked"], Value::Array(Vec::new()));
    let first = &data["items"][0];
    assert_eq!(first["path"], "/system.slice/backup.service");
    assert_eq!(first["refs"], 6_699);
    assert_eq!(first["lru_pages"], 600);
    assert_eq!(first["swap_entries"], 0);
    assert_eq!(first["own_cost_bytes"], 154_112);
    // One that died since the walk: its references are not known, which is not 0.
    let cron = data["items"].as_array().unwrap().iter();
    let cron = cron.clone().find(|item| item["name"] == "cron.service");
    assert_eq!(cron.unwrap()["refs"], Value::Null);
    assert_eq!(cron.unwrap()["lru_pages"], Value::Null);

    let text = stdout(&on_demo("zombies-text", &["zombies"]));
    for part in ["12 memcgs, 4 zombies", "PHASE", "kill_pending", "150.5 KiB"] {
        assert!(text.contains(part), "{text}");
    }
    let none = recording("zombies-none", host(), &[walked(0, vec![root()])]);
    let output = run(&["zombies", "--from", &none]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("1 memcg, 0 zombies"), "{output:?}");
}

/// Dead cgroups whose memory cgroup is gone: counted, listed, and found by their name.
#[test]
fn what_the_kernel_counts_beside_zombies_is_explained() {
    let cgroup = |serial_nr, path: &str, refs| DyingCgroup {
        serial_nr,
        cgroup_id: 7_000 + serial_nr,
        path: path.into(),
        refs: Some(refs),
    };
    let mut samples = demo_with_pins();
    for sample in &mut samples {
        if sample.memcgs.is_some() {
            sample.dying = Some(DyingCgroups {
                nr_dying: 7,
                nr_cgroups: Some(19),
                with_zombie: 4,
                without_memcg: 2,
                cgroups: vec![
                    cgroup(90, "/units/unit-0", 1),
                    cgroup(91, "/units/unit-1", 2),
                ],
                ..DyingCgroups::default()
            });
        }
        if let Some(pins) = &mut sample.pins {
            let map = Object {
                path: Some("by_unit".into()),
                ino: Some(12),
                ..object(ObjectKind::BpfMap, 1, vec![open(77, "agent", 5)])
            };
            pins.cgroups = vec![pinned(90, 0, vec![pin(PinKind::BpfMap, vec![map])])];
        }
    }
    let path = recording("dying", host(), &samples);
    let output = run(&["zombies", "--json", "--from", &path]);
    let data = document(&output, "zombie");
    assert_eq!(data["summary"]["zombies"], 4, "they are no zombies");
    let dying = &data["summary"]["dying"];
    assert_eq!(dying["nr_dying_descendants"], 7);
    assert_eq!(dying["proc_cgroups"], 19);
    assert_eq!([&dying["of_zombies"], &dying["without_memcg"]], [4, 2]);
    assert_eq!(dying["not_found"], 1);
    let kept_by = "pinned by an entry of BPF map by_unit (id 12), held open by agent[77] fd 5";
    assert_eq!(dying["cgroups"][0]["kept_by"], kept_by);
    assert_eq!(dying["cgroups"][0]["css_id"], Value::Null);
    assert_eq!(dying["cgroups"][1]["kept_by"], Value::Null, "nobody asked");
    let text = stdout(&run(&["zombies", "--from", &path]));
    for part in [
        "4 zombies",
        "2 dead cgroups without a memcg, 1 dead cgroup that was not found",
        "nr_dying_descendants 7: 4 of zombies, 2 whose memcg is gone, 1 not found",
        "/units/unit-1",
        kept_by,
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    for name in ["unit-0", "/units/unit-0", "ino:7090"] {
        let text = stdout(&run(&["pins", name, "--from", &path]));
        assert!(text.contains(kept_by), "{text}");
        assert!(
            text.contains("its memcg is gone, the cgroup is not, refs 1"),
            "{text}"
        );
    }
    let unknown = run(&["pins", "unit-9", "--from", &path]);
    assert_fails(&unknown, 1, &["no zombie unit-9 was found"]);
    assert!(!stderr(&unknown).contains("nothing pins"));
}

#[test]
fn a_list_is_sorted_cut_and_restricted() {
    let listed = |args: &[&str]| {
        let args = [&["zombies", "--json"], args].concat();
        document(&on_demo(&args.concat().replace('/', "_"), &args), "zombie")
    };
    let by_pages = listed(&["--sort", "pages"]);
    assert_eq!(
        paths(&by_pages["items"])[..2],
        [
            "/user.slice/user-1000.slice/session-4.scope",
            "/user.slice/user-1000.slice/session-3.scope",
        ]
    );
    let by_name = listed(&["--sort", "name", "--top", "1"]);
    assert_eq!(paths(&by_name["items"]), ["/system.slice/backup.service"]);
    assert_eq!(by_name["summary"]["zombies"], 4, "what is left out counts");
    let below = listed(&["--cgroup", "/user.slice"]);
    assert_eq!(below["items"].as_array().unwrap().len(), 2);
    assert_eq!(below["summary"]["zombies"], 2);
    let text = stdout(&on_demo("zombies-top", &["zombies", "--top", "3"]));
    assert!(text.contains("\n… and 1 more\n"), "{text}");
}

/// The rows of `pins[]` and their holders, key by key.
#[test]
fn pins_follow_the_contract() {
    const PIN: &str = "kind refs pages bytes source holders holders_omitted truncated_at";
    const ADVICE: &str = "action target why class step steps amount_bytes frees_refs of_refs \
                          frees_bytes frees_at_most cause";
    const HOLDER: &str = "pid comm fd owner_path fs dev ino path ns_ino local remote object refs \
                          pages ns_mount how name state parent_pid cpu held user_refs links \
                          path_of_pid dev_name unit";
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
            "cgroup_id css_id serial_nr path name",
            "of the zombie"
        );
        let rows = data["pins"].as_array().unwrap().iter();
        let found: i64 = rows.map(|row| row["refs"].as_i64().unwrap()).sum();
        let unexplained = data["unexplained_refs"].as_i64().unwrap();
        assert_eq!(data["refs"], found + unexplained);
    }
    // The answer comes with the fifth of six frames, and holds.
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
    // Where there are no zombies there is nothing to ask.
    let none = recording("pins-no-zombies", host(), &[walked(0, vec![root()])]);
    let output = run(&["pins", "--from", &none, "--json"]);
    assert_eq!(document(&output, "pins")["summary"]["zombies"], 0);
}

#[test]
fn scripts_are_told_by_the_exit_code() {
    let code = |path: &str, verb: &str, condition: &str| {
        let output = run(&[verb, "--from", path, "--fail-on", condition]);
        assert!(output.status.code() != Some(0) || !output.stdout.is_empty());
        output.status.code()
    };
    let path = recording("fail-on", host(), &demo_with_pins());
    for verb in ["zombies", "pins"] {
        assert_eq!(code(&path, verb, "zombies=5"), Some(0), "{verb}");
        assert_eq!(code(&path, verb, "zombies=4"), Some(4), "{verb}");
        assert_eq!(code(&path, verb, "zombies=1"), Some(4), "{verb}");
        assert_eq!(code(&path, verb, "zombies=0"), Some(2), "{verb}");
        assert_eq!(code(&path, verb, "zombies"), Some(2), "{verb}");
    }
    // Restricted to a part, only that counts.
    let args = [
        "zombies",
        "--from",
        &path,
        "--fail-on",
        "zombies=3",
        "--cgroup",
        "/user.slice",
    ];
    assert_eq!(run(&args).status.code(), Some(0));

    // What was not looked at, or not to its end, does not pass.
    let absent = Absent {
        section: "memcg".to_owned(),
        reason: "locked down".to_owned(),
    };
    let blind = Sample {
        absent: vec![absent],
        ..fixture::empty(0)
    };
    let mut cut = demo()[..1].to_vec();
    cut[0].memcgs.as_mut().unwrap().truncated_at = Some(12);
    for (name, samples) in [("blind", vec![blind]), ("empty", vec![]), ("cut", cut)] {
        let path = recording(&format!("fail-on-{name}"), host(), &samples);
        assert_eq!(code(&path, "zombies", "zombies=9"), Some(5), "{name}");
    }
    let cut = recording("fail-on-cut-enough", host(), &{
        let mut cut = demo()[..1].to_vec();
        cut[0].memcgs.as_mut().unwrap().truncated_at = Some(12);
        cut
    });
    assert_eq!(code(&cut, "zombies", "zombies=3"), Some(4));
    let data = document(&run(&["zombies", "--json", "--from", &cut]), "zombie");
    assert_eq!(
        data["not_checked"][0]["reason"],
        "the walk stopped after 12"
    );

    let output = memcg_trace(&["zombies", "--from", &path])
        .env("MEMCG_TRACE_FAIL_ON", "zombies=1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn hostile_holders_come_out_tame() {
    let path = recording("pins-hostile", evil_host(), &hostile());
    for args in [
        &["pins"][..],
        &["pins", "--json"],
        &["zombies"],
        &["zombies", "--json"],
        &["pins", "css:6"],
    ] {
        let output = run(&[args, &["--from", &path]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let text = stdout(&output);
        let is_evil = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(is_evil), "{args:?}");
        assert!(!text.contains("\\u00") && !text.contains("\\n"), "{args:?}");
    }
    let data = document(&run(&["pins", "css:6", "--json", "--from", &path]), "pins");
    let hex: String = fixture::EVIL
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let holder = &data["items"][0]["pins"][0]["holders"][0];
    for field in [
        "comm_hex",
        "fs_hex",
        "dev_hex",
        "path_hex",
        "local_hex",
        "ns_mount_hex",
    ] {
        assert_eq!(holder[field], hex.as_str(), "{field}");
    }
    // A name in an error is as tame.
    let output = run(&["pins", "\u{1b}[2Jx", "--from", &path]);
    assert_fails(&output, 1, &["no zombie \u{fffd}[2Jx"]);
}

/// A replay has nobody to ask: its own answers are copied, and no others come up.
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

#[cfg(not(feature = "live"))]
#[test]
fn a_build_without_a_kernel_asks_nobody() {
    for args in [&["zombies"][..], &["pins"], &["pins", "x"]] {
        assert_fails(&run(args), 3, &["this build only replays recordings"]);
    }
}
