//! Recordings: they match the host, and any user can replay them.

use std::collections::HashSet;
use std::fs;

use crate::contract::Record;
use crate::host::{Cgroup, Folder, memcgs};
use crate::slab::make_files;
use crate::tool;

fn lines(records: &[Record], kind: &str) -> Vec<String> {
    let last = records.last().unwrap().frame;
    let of_last = records
        .iter()
        .filter(|record| record.frame == last && record.kind == kind);
    of_last.map(|record| record.data.to_string()).collect()
}

#[test]
fn replays_what_the_kernel_had() {
    let parent = Cgroup::new("taped");
    let children = [parent.child("one"), parent.child("two")];
    let folder = Folder::new("taped");
    let tape = folder.file("tape");
    let socket = parent.child("dead").into_zombie();
    // From here on only the workload of an existing cgroup runs.
    crate::host::eventually("it is dead", || {
        match parent.stat("cgroup.stat", "nr_dying_descendants") {
            Some(1) => Ok(()),
            dying => Err(format!("{dying:?}")),
        }
    });
    let paths = memcgs();
    let files = Folder::new("taped-files");
    let recorder = std::thread::spawn({
        let tape = tape.clone();
        move || tool::run(&["record", &tape, "-n", "5", "-i", "500ms"])
    });
    crate::host::eventually("the tape", || {
        fs::metadata(&tape)
            .map(|_| ())
            .map_err(|error| error.to_string())
    });
    make_files(&children[0], &files);
    let output = recorder.join().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    assert_eq!(memcgs(), paths);

    let replay = |who: fn(&[&str]) -> std::process::Output| {
        tool::records(&who(&["export", "--from", &tape]))
    };
    let records = replay(tool::as_nobody);
    println!(
        "{} bytes, {} records",
        fs::metadata(&tape).unwrap().len(),
        records.len()
    );
    assert_eq!(records.last().unwrap().frame, 4);
    for frame in 0..5 {
        let of = |kind: &str| {
            let all = records
                .iter()
                .filter(|one| one.frame == frame && one.kind == kind);
            all.collect::<Vec<_>>()
        };
        let mut live: Vec<_> = of("memcg")
            .into_iter()
            .filter(|memcg| memcg.data["phase"].is_null())
            .map(|memcg| memcg.path().unwrap())
            .collect();
        live.sort_unstable();
        assert_eq!(live, paths);
        // Zombies of earlier tests may still be there.
        let zombies = of("zombie").into_iter().filter_map(Record::path);
        let zombies: Vec<_> = zombies.filter(|path| path.starts_with("/taped/")).collect();
        assert_eq!(zombies, ["/taped/dead"]);
    }
    let slab = lines(&records, "slab");
    let of_one = slab
        .iter()
        .filter(|row| row.contains("/taped/one") && row.contains("shmem_inode_cache"));
    println!("slab: {:?}", of_one.collect::<Vec<_>>());
    // Every user gets the same output, every time.
    let again = replay(tool::run);
    assert_eq!(records.len(), again.len());
    for (one, two) in records.iter().zip(&again) {
        assert_eq!((one.seq, &one.data), (two.seq, &two.data));
    }
    let text = tool::as_nobody(&["--from", &tape]);
    assert_eq!(text.status.code(), Some(0));
    assert!(
        tool::stdout(&text).contains("dead"),
        "{}",
        tool::stdout(&text)
    );
    let pins = tool::as_nobody(&["pins", "/taped/dead", "--from", &tape]);
    tool::assert_fails(&pins, 1, &["not_recorded"]);
    a_tape_that_is_cut_is_no_crash(&folder, &tape);
    drop(socket);
}

#[test]
fn who_pins_zombies_can_be_recorded() {
    let parent = Cgroup::new("pinned");
    let holder = parent.child("dead").into_zombie();
    let folder = Folder::new("pinned");
    let with = folder.file("with");
    let output = tool::run(&["record", &with, "--pins", "-n", "4", "-i", "500ms"]);
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    assert_eq!(tool::stderr(&output), "");
    let records = tool::records(&tool::as_nobody(&["export", "--from", &with]));
    // Answers come between the samples, whose number is as requested.
    let frames = records.last().unwrap().frame + 1;
    let answered = records.iter().filter(|record| record.kind == "pins");
    let answered: HashSet<u64> = answered.map(|record| record.frame).collect();
    println!("{frames} frames, {} of them with pins", answered.len());
    assert!(frames > 4, "{frames}");
    assert!(!answered.contains(&0) && answered.contains(&(frames - 1)));

    let output = tool::as_nobody(&["pins", "/pinned/dead", "--from", &with]);
    let text = tool::stdout(&output);
    println!("{text}");
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    assert!(text.contains(&format!("[{}] fd ", holder.0.id())), "{text}");
    drop(holder);
}

fn a_tape_that_is_cut_is_no_crash(folder: &Folder, tape: &str) {
    let cut = folder.file("cut");
    let bytes = fs::read(tape).unwrap();
    fs::write(&cut, &bytes[..bytes.len() - 10]).unwrap();
    let output = tool::as_nobody(&["export", "--from", &cut]);
    let records = tool::parse(tool::stdout(&output));
    println!(
        "{} of {} bytes: {} records",
        bytes.len() - 10,
        bytes.len(),
        records.len()
    );
    assert!(
        records.iter().any(|record| record.kind == "frame"),
        "whole samples before the cut"
    );
    assert_eq!(records.last().unwrap().kind, "frame");
}
