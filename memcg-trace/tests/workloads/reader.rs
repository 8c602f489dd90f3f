//! Files that are no state files, and readers that hang.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use memcg_trace::sample::state_files::StateFiles;
use memcg_trace::source::state_files::Reader;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;

use super::hosts::CONTAINERS;
use super::root::{DEADLINE, Root};

#[test]
fn what_is_no_state_file_is_named_and_the_others_are_read() {
    let root = Root::new("odd");
    let [c1, c2] = CONTAINERS;
    let config = |id: &str| format!("var/lib/docker/containers/{id}/config.v2.json");
    root.json(&config(c1), &json!({"Name": "/web"}));
    let fifo = root.at(&config(c2));
    mknodat(CWD, fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
    root.file(&config("long"), vec![b' '; (1 << 20) + 1]);
    root.file(&config("broken"), b"{\"Name\": \"\x1b[2Jsecret");
    fs::create_dir_all(root.at(&config("folder"))).unwrap();
    symlink("/etc/passwd", root.at(&config("link"))).unwrap();
    let deep = "[".repeat(100_000);
    root.file(&config("deep"), format!("{{\"Name\": {deep}"));
    root.json(&config("evil"), &json!({"Name": "/\u{1b}[2J\u{202e}"}));
    root.json(&config("huge"), &json!({"Name": "x".repeat(70_000)}));
    let files = root.read();
    let names = files.containers.iter().filter_map(|one| one.name.as_ref());
    let mut names: Vec<_> = names.map(|name| name.display().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["web", "\u{fffd}[2J\u{fffd}"]);
    let said = files.not_read.join("\n");
    for (file, why) in [
        (c2, "not a regular file"),
        ("folder", "not a regular file"),
        ("long", "longer than 1048576 bytes"),
        ("broken", "not the JSON that it should be"),
        ("deep", "not the JSON that it should be"),
        ("link", ""),
    ] {
        let of_file = |line: &&String| line.contains(&format!("/{file}/"));
        let line = files.not_read.iter().find(of_file);
        let is_said = line.is_some_and(|line| line.starts_with("docker: ") && line.contains(why));
        assert!(is_said, "{file}: {said}");
    }
    assert!(!said.contains("secret"), "{said}");
}

#[test]
fn a_reader_that_hangs_is_left_in_time() {
    let begin = Instant::now();
    let mut program = Command::new("sh");
    let says = r#"printf '%s\n' '{"pod":{"uid":"1","name":"a","namespace":"b"}}' '{"done":"kubelet"}'
        exec sleep 600"#;
    program.args(["-c", says]);
    let mut reader = Reader::start(program, Duration::from_secs(2)).unwrap();
    reader.wait();
    let files = reader.files();
    assert!(reader.is_late() && !reader.is_done());
    assert!(begin.elapsed() < DEADLINE, "{:?}", begin.elapsed());
    // What came before is there, and what did not come is named.
    assert_eq!(files.pods.len(), 1);
    let kinds = [
        "docker",
        "containerd",
        "containers/storage",
        "users' containers",
    ];
    let lines = kinds.map(|kind| format!("{kind}: did not answer in time"));
    assert_eq!(files.not_read, lines);
}

#[test]
fn what_comes_late_is_taken_and_a_reader_that_ends_is_named() {
    let mut program = Command::new("sh");
    let says = r#"sleep 1; for kind in docker containerd containers/storage kubelet "users' containers"
        do printf '{"done":"%s"}\n' "$kind"; done"#;
    program.args(["-c", says]);
    let mut reader = Reader::start(program, Duration::ZERO).unwrap();
    reader.wait();
    assert!(reader.is_late() && !reader.is_done());
    let begin = Instant::now();
    while !reader.poll() {
        assert!(begin.elapsed() < DEADLINE, "{:?}", reader.files());
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(reader.files(), StateFiles::default());

    let mut reader = Reader::start(Command::new("true"), DEADLINE).unwrap();
    reader.wait();
    let not_read = reader.files().not_read;
    assert_eq!(not_read.len(), 5, "{not_read:?}");
    let why = ": the process that reads them ended";
    assert!(
        not_read.iter().all(|line| line.ends_with(why)),
        "{not_read:?}"
    );
    assert!(Reader::start(Command::new("/nowhere/at/all"), DEADLINE).is_err());
}

#[test]
fn files_are_read_again_when_asked() {
    let root = Root::new("again");
    let [c1, c2] = CONTAINERS;
    let mut reader = root.reader();
    reader.wait();
    assert_eq!(reader.files(), StateFiles::default());
    for (id, expected) in [(c1, vec!["web"]), (c2, vec!["db", "web"])] {
        let config = format!("var/lib/docker/containers/{id}/config.v2.json");
        root.json(&config, &json!({"Name": expected[0]}));
        reader.ask(DEADLINE);
        reader.wait();
        let names = reader.files().containers.into_iter();
        let names = names.filter_map(|one| one.name);
        let mut names: Vec<_> = names.map(|name| name.display().into_owned()).collect();
        names.sort();
        assert_eq!(names, expected);
    }
}
