//! Names of cgroups are bytes that strangers chose; names of containers are in files, which may hang.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use serde_json::{Value, json};

use crate::contract::Document;
use crate::host::{Cgroup, DEADLINE, Folder};
use crate::locks::fuse::{self, Server};
use crate::tool;

const HOSTILE: &[&[u8]] = &[
    b"\x1b[2J\x1b]0;owned\x07",
    b"tab\there\rand\x08back\x7f",
    b"broken \xff\xfe utf-8",
    // C1 controls, and a character that reverses the direction of text.
    "c1 \u{9b}31m \u{202e}drawkcab".as_bytes(),
    b"\xed\xa0\x80 surrogate",
];
/// Unusual names that are shown unchanged.
const HARMLESS: &[&str] = &[
    "with space and \"quotes\" \\x2d",
    "コンテナ",
    "{\"type\":\"frame\"}",
];

/// A folder of state files that hangs, and one that does not.
const HUNG: &str = "/var/lib/docker/containers";
const LOGS: &str = "/var/log/containers";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn reach_neither_terminal_nor_json_raw() {
    // The kernel rejects the only character that could break lines.
    assert!(fs::create_dir(Path::new("/sys/fs/cgroup").join("new\nline")).is_err());
    let hostile: Vec<_> = HOSTILE
        .iter()
        .map(|name| Cgroup::new(OsStr::from_bytes(name)))
        .collect();
    let harmless: Vec<_> = HARMLESS.iter().map(Cgroup::new).collect();

    // All views show the same samples.
    let folder = Folder::new("names");
    let tape = folder.file("tape");
    let output = tool::run(&["record", &tape, "-n", "2", "-i", "100ms"]);
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    // Parsing checks every line for control characters.
    let output = tool::run(&["export", "--from", &tape]);
    let records = tool::records(&output);
    let of = |id: u64| {
        let mut memcgs = records.iter().filter(|record| record.kind == "memcg");
        memcgs
            .find(|memcg| memcg.number("cgroup_id") == id)
            .unwrap()
    };
    for (cgroup, name) in hostile.iter().zip(HOSTILE) {
        let memcg = of(cgroup.id());
        println!("{:?}: {}", OsStr::from_bytes(name), memcg.data["name"]);
        assert_eq!(memcg.data["name_hex"], hex(name));
        assert_eq!(memcg.data["path_hex"], hex(&[b"/", *name].concat()));
    }
    for (cgroup, name) in harmless.iter().zip(HARMLESS) {
        let memcg = of(cgroup.id());
        assert_eq!(memcg.data["name"], *name);
        assert_eq!(memcg.path(), Some(cgroup.path().as_str()));
        assert_eq!(memcg.data.get("name_hex"), None);
    }

    let document = tool::run(&["--json", "--from", &tape]);
    let document: Value = serde_json::from_str(tool::stdout(&document)).unwrap();
    crate::contract::tame(&document.to_string());
    let text = tool::run(&["--color", "always", "--from", &tape]);
    for line in tool::stdout(&text).lines() {
        // Colours are the program's own, and there is no other escape sequence.
        let plain: String = line
            .split("\x1b[")
            .enumerate()
            .map(|(at, part)| {
                if at == 0 {
                    return part;
                }
                let (numbers, rest) = part.split_once('m').expect(part);
                assert!(
                    numbers.chars().all(|c| c.is_ascii_digit() || c == ';'),
                    "{line:?}"
                );
                rest
            })
            .collect();
        crate::contract::tame(&plain);
    }
    let near = tool::run(&["--cgroup", "/broken"]);
    tool::assert_fails(&near, 1, &["/broken"]);
}

#[test]
fn names_are_told_although_other_files_hang() {
    let id = "4f0c7a2be91d0123".repeat(4);
    let cgroup = Cgroup::new(format!("crio-{id}"));
    fs::create_dir_all(LOGS).unwrap();
    let log = format!("{LOGS}/web-0_shop_nginx-{id}.log");
    symlink("/nowhere", &log).unwrap();
    // It answers nothing but what the mount needs: whoever lists it waits, and no signal ends that.
    fs::create_dir_all(HUNG).unwrap();
    let server = Server::at(HUNG);
    let serving = thread::spawn(move || server.serve(|| {}));

    let folder = Folder::new("state_files");
    let tape = folder.file("tape");
    let record = ["record", &tape, "-n", "1", "--names", "files"].map(str::to_owned);
    let (sender, done) = mpsc::channel();
    thread::spawn(move || sender.send(tool::run(&record.each_ref().map(String::as_str))));
    let output = done.recv_timeout(DEADLINE).expect("it hangs");
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    fuse::abort(HUNG);
    serving.join().unwrap();
    fs::remove_file(&log).unwrap();

    let document = tool::run(&["--json", "--from", &tape]);
    let document = Document::parse(tool::stdout(&document));
    println!("{}", document.not_checked);
    let gap = json!({"what": "names", "reason": "docker: did not answer in time"});
    assert!(document.not_checked.as_array().unwrap().contains(&gap));
    let mut memcgs = document.items.iter();
    let memcg = memcgs
        .find(|memcg| memcg["path"] == *cgroup.path())
        .unwrap();
    assert_eq!(memcg["container"], "nginx");
    assert_eq!(memcg["pod"], "web-0");
    assert_eq!(memcg["namespace"], "shop");
    let text = tool::run(&["--from", &tape]);
    let shown = format!("{} (cri-o nginx in pod shop/web-0)", cgroup.path());
    assert!(tool::stdout(&text).contains(&shown));
    assert!(tool::stdout(&text).contains("names not read: docker: did not answer in time"));
}
