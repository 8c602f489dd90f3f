//! `zombies` and `pins` as users run them, on recordings.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

#[path = "../fixture/mod.rs"]
mod fixture;
mod pins;
#[path = "../tool/mod.rs"]
mod tool;

use fixture::pins::{demo_with_pins, object, open, pin, pinned};
use fixture::{demo, evil_host, host, hostile, root, walked};
use memcg_trace::sample::pins::{Object, ObjectKind, PinKind};
use memcg_trace::sample::{Absent, DyingCgroup, DyingCgroups, Sample};
use serde_json::Value;
use tool::{assert_fails, document, memcg_trace, recording, run, stderr, stdout};

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
    // A zombie that died since the walk: its references are unknown, and not 0.
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

/// Dead cgroups whose memory cgroup is gone: counted, listed, and found by name.
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
    // With a restriction to a part, only that part counts.
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

    // A check that was not made, or not completed, fails.
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
    // A name in an error is sanitized, too.
    let output = run(&["pins", "\u{1b}[2Jx", "--from", &path]);
    assert_fails(&output, 1, &["no zombie \u{fffd}[2Jx"]);
}

#[cfg(not(feature = "live"))]
#[test]
fn a_build_without_a_kernel_asks_nobody() {
    for args in [&["zombies"][..], &["pins"], &["pins", "x"]] {
        assert_fails(&run(args), 3, &["this build only replays recordings"]);
    }
}
