//! The black box of `serve` in the guest: a real OOM kill, and a deadlock that another test makes.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::exposition::Metrics;
use crate::host::{Cgroup, Process, eventually};
use crate::tool;

const FOLDER: &str = "/tmp/incidents";
const METRICS: &str = "/tmp/incidents.prom";

/// Starts a server with a black box; returns it once it has seen some time.
fn serve(flags: &[&str]) -> Process {
    let _ = fs::remove_file(METRICS);
    let args = [
        "serve",
        "--incidents",
        FOLDER,
        "-i",
        "300ms",
        "--textfile",
        METRICS,
    ];
    let server = Process(tool::command(&[&args, flags].concat()).spawn().unwrap());
    eventually("some snapshots", || {
        let text = fs::read_to_string(METRICS).map_err(|error| error.to_string())?;
        let snapshots = Metrics::prometheus(&text).value("memcg_trace_snapshots_total", &[]);
        match snapshots >= Some(3.0) {
            true => Ok(()),
            false => Err(format!("{snapshots:?}")),
        }
    });
    server
}

fn end(mut server: Process, signal: Signal) {
    kill_process(Pid::from_child(&server.0), signal).unwrap();
    let status = server.0.wait().unwrap();
    assert_eq!(status.success(), signal == Signal::TERM, "{status}");
}

/// Waits for a recording whose sentence has some words, in one of some states.
fn until(words: &str, states: &[&str]) -> Value {
    eventually("an incident", || {
        let output = tool::run(&["incidents", FOLDER, "--json"]);
        let said = (tool::stdout(&output), tool::stderr(&output));
        assert_eq!(output.status.code(), Some(0), "{said:?}");
        let document: Value = serde_json::from_str(said.0).unwrap();
        let items = document["data"]["items"].as_array().unwrap();
        let mut wanted = items.iter().filter(|item| {
            let is_state = states.iter().any(|state| item["state"] == *state);
            is_state && item["sentence"].as_str().unwrap().contains(words)
        });
        wanted.next().cloned().ok_or_else(|| format!("{items:#?}"))
    })
}

fn path(item: &Value) -> String {
    format!("{FOLDER}/{}", item["file"].as_str().unwrap())
}

/// The answer of a verb about a recording, and its exit status.
fn shown(verb: &[&str], item: &Value) -> (Option<i32>, Value) {
    let path = path(item);
    let output = tool::run(&[verb, &["--from", &path, "--json"]].concat());
    let document = serde_json::from_str(tool::stdout(&output));
    let document: Value = document.unwrap_or_else(|_| panic!("{}", tool::stderr(&output)));
    (output.status.code(), document["data"].clone())
}

/// Kills a task that wants more memory than its cgroup may have; returns its name.
fn kill_one(cgroup: &Cgroup) -> String {
    let mut victim = cgroup.start("exec dd if=/dev/zero of=/dev/null bs=32M count=1", &[]);
    assert!(!victim.0.wait().unwrap().success(), "it was not killed");
    format!("dd[{}]", victim.0.id())
}

fn shows_the_kill(item: &Value, victim: &str) {
    assert_eq!(
        (&item["cause"], &item["path"]),
        (&"oom".into(), &"/kept".into())
    );
    let output = tool::run(&["export", "--from", &path(item)]);
    let records = tool::parse(tool::stdout(&output));
    let mut told = records.iter().filter(|record| record.kind == "finding");
    assert!(told.any(|one| one.data["sentence"].as_str().unwrap().contains(victim)));
    // Who waits and who pins was asked at that moment.
    let (status, pins) = shown(&["pins"], item);
    assert_eq!(status, Some(0), "{pins:#}");
    let of_zombie = |pins: &Value| pins["zombie"]["path"] == "/kept-zombie";
    assert!(
        pins["items"].as_array().unwrap().iter().any(of_zombie),
        "{pins:#}"
    );
    let (status, locks) = shown(&["locks", "--fail-on", "deadlock"], item);
    assert_eq!(status, Some(0), "{locks:#}");
}

fn mount(size: &str) {
    let _ = fs::remove_dir_all(FOLDER);
    fs::create_dir(FOLDER).unwrap();
    let args = ["-t", "tmpfs", "-o", size, "incidents", FOLDER];
    assert!(
        Command::new("/bin/mount")
            .args(args)
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_kill_is_kept_whatever_happens_then() {
    mount("size=4m");
    let _socket = Cgroup::new("kept-zombie").into_zombie();
    let cgroup = Cgroup::new("kept");
    cgroup.set("memory.max", "4M");
    let flags = ["--incidents-cooldown", "1ms"];
    let server = serve(&[&flags[..], &["--incidents-after", "1h"]].concat());
    let victim = kill_one(&cgroup);
    until(&victim, &["being_written"]);
    // The answers follow the moment.
    eventually("the answers", || {
        let (status, _) = shown(&["pins"], &until(&victim, &["being_written"]));
        (status == Some(0))
            .then_some(())
            .ok_or("no pins yet".to_owned())
    });
    end(server, Signal::KILL);
    let left = until(&victim, &["cut_off"]);
    assert!(path(&left).ends_with(".part"), "{left:#}");
    shows_the_kill(&left, &victim);

    // The next program tidies up, and finds a disk that is full.
    let server = serve(&[&flags[..], &["--incidents-after", "1s"]].concat());
    let left = until(&victim, &["cut_off"]);
    assert!(path(&left).ends_with("-cut.rec"), "{left:#}");
    shows_the_kill(&left, &victim);
    let filler = format!("{FOLDER}/filler");
    let full = fs::write(&filler, vec![1; 8 << 20]).unwrap_err();
    println!("{full}");
    let other = kill_one(&cgroup);
    let kept = until(&other, &["whole", "cut_off"]);
    println!("{kept:#}");
    assert!(!Path::new(&path(&left)).exists(), "the oldest is removed");
    eventually("its end", || {
        match path(&until(&other, &["whole", "cut_off"])) {
            path if path.ends_with(".rec") => Ok(()),
            path => Err(path),
        }
    });
    let kept = until(&other, &["whole", "cut_off"]);
    assert_eq!(kept["cause"], "oom");
    assert!(fs::exists(&filler).unwrap());
    end(server, Signal::TERM);
    assert!(
        Command::new("/bin/umount")
            .arg(FOLDER)
            .status()
            .unwrap()
            .success()
    );
}

/// Checks that a deadlock which is there is recorded, with who pins the zombie of that name.
pub fn have_the_deadlock(zombie: &str) {
    let _ = fs::remove_dir_all(FOLDER);
    let server = serve(&["--incidents-after", "1s"]);
    let item = until("wait for each other", &["whole"]);
    end(server, Signal::TERM);
    println!("{}", item["sentence"]);
    assert_eq!(item["cause"], "deadlock");
    let (status, locks) = shown(&["locks", "--fail-on", "deadlock"], &item);
    assert_eq!(status, Some(4), "{locks:#}");
    assert_eq!(locks["items"][0]["cycle_id"], item["id"]);
    let (status, pins) = shown(&["pins"], &item);
    assert_eq!(status, Some(0), "{pins:#}");
    let of_zombie = |pins: &Value| pins["zombie"]["path"] == zombie;
    assert!(
        pins["items"].as_array().unwrap().iter().any(of_zombie),
        "{pins:#}"
    );
}
