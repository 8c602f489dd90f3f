//! Folders in which others have put what they like.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::process::Command;

use memcg_trace::sample::Text;
use memcg_trace::sample::incident::{Cause, Incident};
use memcg_trace::sample::recording::{FORMAT, Header, Writer};

use super::*;

fn name(second: u32) -> String {
    format!("incident-20260101T0000{second:02}Z-oom.rec")
}

fn evil_header() -> Header {
    Header {
        format: FORMAT,
        incident: Some(Box::new(Incident {
            cause: Cause::Oom,
            id: "\x1b[2J".to_owned(),
            path: Some(Text::from(fixture::EVIL)),
            sentence: "\x1b]0;owned\x07\nnot read: x".to_owned(),
            short: Some("\r\x1b[1A".to_owned()),
            mono_ns: u64::MAX,
            unix_ns: i64::MIN,
            wanted_after_ns: u64::MAX,
            ..Incident::default()
        })),
        ..Header::default()
    }
}

#[test]
fn a_folder_of_strangers_is_listed_and_left_alone() {
    let folder = folder("hostile");
    fs::create_dir_all(&folder).unwrap();
    let at = |second| folder.join(name(second));
    symlink("/etc/passwd", at(1)).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(at(2))
            .status()
            .unwrap()
            .success()
    );
    fs::create_dir(at(3)).unwrap();
    fs::write(at(4), b"").unwrap();
    fs::write(at(5), b"memcg-trace recording\n{\"format\":1}\n").unwrap();
    fs::write(at(6), b"memcg-trace recording\n{\"incident\":[1]}\n").unwrap();
    let long = [b"memcg-trace recording\n", &vec![b' '; 1 << 20][..]].concat();
    fs::write(at(7), long).unwrap();
    let mut evil = Vec::new();
    let mut writer = Writer::new(&mut evil, &evil_header()).unwrap();
    writer.write_sample(&demo()[0]).unwrap();
    fs::write(at(8), &evil).unwrap();
    evil.extend(u32::MAX.to_le_bytes());
    fs::write(at(9), &evil).unwrap();
    // A frame that unpacks to far more than it has.
    let mut bomb = memcg_trace::sample::recording::start(&evil_header()).unwrap();
    let zeros = zstd::bulk::compress(&vec![b' '; 64 << 20], 3).unwrap();
    bomb.extend(u32::try_from(zeros.len()).unwrap().to_le_bytes());
    bomb.extend(zeros);
    fs::write(at(10), &bomb).unwrap();
    fs::write(folder.join("notes"), b"mine").unwrap();
    fs::write(
        folder.join(std::ffi::OsStr::from_bytes(b"incident-\xff.rec")),
        b"",
    )
    .unwrap();
    let before = fs::read_dir(&folder).unwrap().count();

    let output = memcg_trace(&["incidents"]).arg(&folder).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
    let listed = listed(&folder);
    let states: Vec<_> = listed["items"].as_array().unwrap().iter().collect();
    let states: Vec<_> = states
        .iter()
        .map(|one| one["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["cut_off", "damaged", "damaged"]);
    assert_eq!(listed["not_checked"].as_array().unwrap().len(), 4);
    // The link, the pipe, the folder, and two that have other names.
    assert_eq!(listed["summary"]["other_files"], 5);

    // What is not of its own making stays, and it works all the same.
    let path = recording("among-strangers", host(), &host_with_kills(60, &[50]));
    serve(&path, &folder, &["--incidents-cooldown", "1ms"]);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), before + 1);
    serve(&path, &folder, &["--incidents-max", "1"]);
    for stays in [at(1), at(2), at(3), folder.join("notes")] {
        assert!(fs::symlink_metadata(&stays).is_ok(), "{}", stays.display());
    }
}

#[test]
fn a_folder_that_is_none() {
    let path = recording("no-folder", host(), &demo());
    let serve = [
        "serve",
        "--from",
        &path,
        "--incidents",
        "/dev/null",
        "-n",
        "1",
    ];
    tool::assert_fails(&run(&serve), 1, &["cannot make the folder /dev/null"]);
    let list = run(&["incidents", "/no/such/folder"]);
    tool::assert_fails(&list, 1, &["cannot read the folder /no/such/folder"]);
    assert_eq!(run(&["incidents"]).status.code(), Some(2));
    let from = run(&["incidents", "/tmp", "--from", &path]);
    assert_eq!(from.status.code(), Some(2));
}
