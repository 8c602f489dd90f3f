//! Known bugs of the kernel: each row of the table has a host that looks like it, and hosts beside
//! it that do not.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

#[path = "../fixture/mod.rs"]
mod fixture;
mod memory;
mod page;
mod recorded;
#[expect(dead_code, reason = "only what runs the program is needed here")]
#[path = "../tool/mod.rs"]
mod tool;
mod waits;

use fixture::waits::{Host, answered};
use fixture::{demo, host, snapshots};
use memcg_trace::model::known::{About, BUGS, Bug, likenesses};
use memcg_trace::sample::Sample;
use tool::{document, recording, run, stdout};

const SUBJECTS: [About; 3] = [About::Waits, About::Zombies, About::Caches];

/// The keys of the bugs that the last snapshot of a host looks like.
fn seen(samples: &[Sample]) -> Vec<&'static str> {
    let snapshot = snapshots(samples).pop().unwrap();
    let all = SUBJECTS
        .iter()
        .flat_map(|about| likenesses(&snapshot, *about));
    all.map(|one| one.bug.key).collect()
}

fn seen_in(host: Host) -> Vec<&'static str> {
    seen(&[answered(0, host.seen())])
}

fn keys() -> Vec<&'static str> {
    BUGS.iter().map(|bug| bug.key).collect()
}

/// A likeness is only shown by the answers that its bug is about.
#[test]
fn each_bug_is_shown_by_one_kind_of_answer() {
    let snapshot = snapshots(&memory::zombie_with_lru_pages()).pop().unwrap();
    let shown = SUBJECTS.map(|about| likenesses(&snapshot, about).len());
    assert_eq!(shown, [0, 1, 0]);
}

#[test]
fn a_host_without_any_has_none() {
    assert_eq!(seen(&demo()), Vec::<&str>::new());
    assert_eq!(seen_in(Host::default()), Vec::<&str>::new());
}

/// The hosts beside this file: each bug is the only one that one of them looks like.
#[test]
fn each_bug_has_a_host() {
    let hosts = [include_str!("memory.rs"), include_str!("waits.rs")].concat();
    let has_host = |key: &&str| hosts.contains(&format!("[\"{key}\"]"));
    let without: Vec<_> = keys().into_iter().filter(|key| !has_host(key)).collect();
    assert_eq!(without, Vec::<&str>::new());
}

#[test]
fn keys_and_commits_are_written_once_and_whole() {
    for (at, bug) in BUGS.iter().enumerate() {
        assert!(
            BUGS[..at].iter().all(|other| other.key != bug.key),
            "{}",
            bug.key
        );
        for commit in bug.made_by.list().iter().chain(bug.fixed_by.list()) {
            let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
            assert!(
                commit.id.len() == 12 && commit.id.chars().all(is_hex),
                "{}",
                commit.id
            );
            assert!(!commit.title.is_empty(), "{}", commit.id);
        }
        assert!(
            bug.fixed_in.is_empty() || !bug.fixed_by.list().is_empty(),
            "{}",
            bug.key
        );
    }
}

/// What `known` prints has every fact of a row, and `--json` has a line for each row.
#[test]
fn the_table_is_printed() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let all = words(&stdout(&run(&["known"])));
    let has_all = |bug: &&Bug| {
        let commits = bug.made_by.list().iter().chain(bug.fixed_by.list());
        let parts = commits.flat_map(|commit| [commit.id, commit.title]);
        let parts = parts.chain([bug.key, bug.title, bug.what, bug.history, bug.until_then]);
        parts
            .chain(bug.fixed_in.iter().copied())
            .all(|part| all.contains(&words(part)))
    };
    let missing: Vec<_> = BUGS
        .iter()
        .filter(|bug| !has_all(bug))
        .map(|bug| bug.key)
        .collect();
    assert_eq!(missing, Vec::<&str>::new(), "{all}");
    let one = stdout(&run(&["known", "rmdir_reap"]));
    assert!(one.starts_with("rmdir_reap: rmdir of a cgroup"), "{one}");
    assert!(one.lines().all(|line| line.chars().count() <= 80), "{one}");
    let records = stdout(&run(&["known", "--json"]));
    let named = records.lines().map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["bug"].as_str().unwrap().to_owned()
    });
    assert!(named.eq(keys()));
    let output = run(&["known", "no_such"]);
    tool::assert_fails(&output, 1, &["no known bug no_such", "rmdir_reap"]);
}

/// Text and JSON say what was seen, cite, and say that it is no proof.
#[test]
fn answers_show_it_beside_the_proof() {
    let path = recording("known-locks", host(), &[answered(0, waits::reap().seen())]);
    let text = stdout(&run(&["locks", "--from", &path]));
    let proof = text.find("DEADLOCK ").unwrap();
    let likeness = text
        .find("looks like a known bug: rmdir of a cgroup")
        .unwrap();
    assert!(proof < likeness, "{text}");
    for part in [
        "93618edf7538",
        "7.0.9",
        "a likeness is no proof; `memcg-trace known rmdir_reap`",
    ] {
        assert!(text.contains(part), "{text}\nlacks {part:?}");
    }
    let data = document(&run(&["locks", "--json", "--from", &path]), "locks");
    let bugs = data["summary"]["known_bugs"].as_array().unwrap();
    assert_eq!(bugs.len(), 1);
    assert_eq!(bugs[0]["bug"], "rmdir_reap");
    assert_eq!(bugs[0]["fixed_by"][0]["id"], "93618edf7538");
    assert!(bugs[0]["seen"].as_str().unwrap().contains("rmdir[10]"));

    let path = recording("known-zombies", host(), &memory::zombie_with_lru_pages());
    let text = stdout(&run(&["zombies", "--from", &path]));
    assert!(
        text.contains("looks like a known bug: pages on LRU lists"),
        "{text}"
    );
    let data = document(&run(&["zombies", "--json", "--from", &path]), "zombie");
    let known = &data["summary"]["known_bugs"][0];
    assert_eq!(known["bug"], "lru_pages_pin");
    assert_eq!(known["seen"], "1 zombie has 7 pages on LRU lists");
    assert_eq!(known["made_by"], serde_json::Value::Null);
}
