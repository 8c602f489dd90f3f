//! Zombies grouped by where they come from.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

#[path = "../fixture/mod.rs"]
mod fixture;
mod names;
#[expect(dead_code, reason = "only what runs the program is needed here")]
#[path = "../tool/mod.rs"]
mod tool;

use std::sync::Arc;

use fixture::pins::{answered, demo_with_pins, file, open, pin, pinned};
use fixture::{ROOT, evil_host, host, hostile, life, root, snapshots, walked};
use memcg_trace::model::origins::{Origin, PinnedBy, list};
use memcg_trace::sample::pins::{ObjectKind, PinKind};
use memcg_trace::sample::{Memcg, MemcgEventKind, Sample};
use serde_json::Value;
use tool::{document, recording, run, stdout};

fn memcg(serial_nr: u64, parent: u64, name: impl AsRef<[u8]>) -> Memcg {
    fixture::memcg(serial_nr, parent, name.as_ref())
}

fn zombie(serial_nr: u64, parent: u64, name: impl AsRef<[u8]>, refs: i64) -> Memcg {
    fixture::zombie(serial_nr, parent, name.as_ref(), refs)
}

/// Numbers that look random, always the same ones.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // The constants of Knuth's MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// A word of `length` of these letters.
    fn of(&mut self, letters: &str, length: usize) -> String {
        let letters = letters.as_bytes();
        let letter = |_| char::from(letters[self.next() as usize % letters.len()]);
        (0..length).map(letter).collect()
    }

    fn hex(&mut self, length: usize) -> String {
        self.of("0123456789abcdef", length)
    }

    fn uuid(&mut self, between: &str) -> String {
        [8, 4, 4, 4, 12]
            .map(|digits| self.hex(digits))
            .join(between)
    }
}

/// The groups of these memcgs.
fn origins(rows: Vec<Memcg>) -> Vec<Origin> {
    list(&snapshots(&[walked(0, rows)])[0])
}

#[test]
fn alive_siblings_show_what_varies_and_are_counted() {
    let session = |number: u64| format!("session-{number}.scope");
    let rows = vec![
        root(),
        memcg(2, ROOT, "user.slice"),
        memcg(3, 2, "user-1000.slice"),
        memcg(4, 2, "user-1001.slice"),
        zombie(10, 3, session(1), 1),
        memcg(11, 3, session(2)),
        memcg(12, 3, session(4)),
        zombie(13, 4, session(5), 1),
        memcg(14, 4, "user@1001.service"),
    ];
    let groups = origins(rows);
    let named = groups.iter().map(|one| {
        (
            one.parent.display().into_owned(),
            one.name.display().into_owned(),
            one.alive,
        )
    });
    let row = |user: &str, name: &str, alive| {
        (
            format!("/user.slice/user-{user}.slice"),
            name.to_owned(),
            alive,
        )
    };
    assert_eq!(
        named.collect::<Vec<_>>(),
        [
            row("1000", "session-<n>.scope", 2),
            row("1001", "session-5.scope", 0)
        ],
        "a live parent is itself"
    );
}

/// Pods that are dead, and some that live, with dead containers.
#[test]
fn dead_parents_and_ids_of_live_ones_vary() {
    let mut random = Random(2);
    let mut rows = vec![root(), memcg(2, ROOT, "kubepods")];
    for pod in 0..20_u64 {
        let (name, serial) = (format!("pod{}", random.uuid("-")), 100 + pod * 10);
        rows.push(if pod % 2 == 0 {
            memcg(serial, 2, name)
        } else {
            zombie(serial, 2, name, 2)
        });
        rows.push(zombie(serial + 1, serial, random.hex(64), 1));
        rows.push(zombie(serial + 2, serial + 1, "init.scope", 1));
    }
    let groups = origins(rows);
    let named = |one: &Origin| {
        (
            one.parent.display().into_owned(),
            one.name.display().into_owned(),
            one.zombies,
            one.alive,
        )
    };
    let row =
        |parent: &str, name: &str, dead, alive| (parent.to_owned(), name.to_owned(), dead, alive);
    assert_eq!(
        groups.iter().map(named).collect::<Vec<_>>(),
        [
            row("/kubepods/pod<uuid>", "<hex64>", 20, 0),
            row("/kubepods/pod<uuid>/<hex64>", "init.scope", 20, 0),
            row("/kubepods", "pod<uuid>", 10, 10),
        ]
    );
}

#[test]
fn figures_are_sums_of_what_is_known() {
    let dead = |serial: u64| Memcg {
        own_cost_bytes: Some(1000),
        lru_pages: Some(serial),
        swap_entries: Some(1),
        ..zombie(serial, 2, format!("job-{serial}"), 1)
    };
    let mut rows: Vec<_> = [root(), memcg(2, ROOT, "a")].into();
    rows.extend((10..20).map(dead));
    rows[11].lru_pages = None;
    let died = |serial: u64, second: u64| {
        life(
            MemcgEventKind::Offline,
            fixture::START_NS + second * fixture::SECOND,
            &dead(serial),
        )
    };
    let samples = [Sample {
        life: Some(vec![died(12, 1), died(15, 4)]),
        ..walked(10, rows)
    }];
    let groups = list(&snapshots(&samples)[0]);
    let [group] = &*groups else {
        panic!("{groups:?}")
    };
    assert_eq!(
        (group.zombies, group.of_zombies, group.unmeasured),
        (10, 10, 1)
    );
    assert_eq!(group.own_cost_bytes, Some(10_000));
    assert_eq!(group.kept_bytes, Some((10..19).sum::<u64>() * 4096));
    assert_eq!(group.swap_entries, Some(10));
    assert_eq!(group.first_dead_ns, Some(9 * fixture::SECOND));
    assert_eq!(group.last_dead_ns, Some(6 * fixture::SECOND));
    assert_eq!(group.died_unseen, 8);
    assert_eq!((group.oldest.serial_nr, group.newest.serial_nr), (10, 19));
    assert_eq!(
        group.sentence,
        "10 of 10 are /a/job-<n>; nobody asked what pins them"
    );
}

/// Four that one file pins, which somebody has open in two of them; each has a reference more of
/// which nothing was found.
#[test]
fn a_sentence_says_of_how_many_it_is_true() {
    let mut rows: Vec<_> = [root(), memcg(2, ROOT, "a")].into();
    rows.extend((10..14).map(|serial| zombie(serial, 2, format!("job-{serial}"), 4)));
    let pins = |serial: u64| {
        let users = match serial {
            10 | 11 => vec![open(77, "agent", 5)],
            _ => vec![],
        };
        let agent = file(ObjectKind::File, "tmpfs", "/dev/shm/log", 100, users);
        pinned(serial, 1, vec![pin(PinKind::PageShmem, vec![agent])])
    };
    let samples = [walked(0, rows), answered(1, (10..14).map(pins).collect())];
    let groups = list(&snapshots(&samples)[1]);
    assert_eq!(
        groups[0].sentence,
        "4 of 4 are /a/job-<n>; pinned by 400 tmpfs pages of /dev/shm/log, held by agent[77] fd 5 in \
         2; and by 4 more references"
    );
}

/// Ten that one file pins, three that nothing pins, and two of which nobody asked.
#[test]
fn a_kind_of_pin_makes_a_group_with_its_own_advice() {
    let mut rows: Vec<_> = [root(), memcg(2, ROOT, "a")].into();
    rows.extend((10..25).map(|serial| zombie(serial, 2, format!("job-{serial}"), 4)));
    let agent = || {
        file(
            ObjectKind::File,
            "tmpfs",
            "/dev/shm/agent.log",
            6_400,
            vec![open(77, "agent", 5)],
        )
    };
    let held =
        (10..20).map(|serial| pinned(serial, 0, vec![pin(PinKind::PageShmem, vec![agent()])]));
    let unheld = (20..23).map(|serial| pinned(serial, 1, vec![]));
    let samples = [walked(0, rows), answered(1, held.chain(unheld).collect())];
    let groups = list(&snapshots(&samples)[1]);
    let kinds = groups.iter().map(|one| (one.pinned_by, one.zombies));
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [
            (PinnedBy::Kind(PinKind::PageShmem), 10),
            (PinnedBy::Nothing, 3),
            (PinnedBy::NotAsked, 2),
        ]
    );
    assert_eq!(
        groups[0].sentence,
        "10 of 15 are /a/job-<n>; pinned by 64,000 tmpfs pages of /dev/shm/agent.log, held by agent[77] \
         fd 5"
    );
    assert!(groups[2].sentence.ends_with("nobody asked what pins them"));
    let shared = &groups[0].advice;
    assert!(
        !shared.is_empty() && shared.iter().all(|one| one.zombies == 10),
        "{shared:?}"
    );
    let last = shared[0].steps.last().unwrap();
    assert_eq!(
        (last.frees.refs, last.frees.of_refs),
        (64_000, Some(64_000)),
        "{shared:#?}"
    );
    let text = stdout(&run(&[
        "zombies",
        "--by",
        "origin",
        "--from",
        &recording("origins", host(), &samples),
    ]));
    for part in [
        "ORIGIN",
        "/a/job-<n>",
        "page_shmem",
        "10 of 15 are /a/job-<n>",
        "in 10 of these 10",
        "nobody asked what pins 2 zombies",
        "zombies --by origin --pins",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[test]
fn a_document_has_what_the_text_says() {
    let path = recording("origins-json", host(), &demo_with_pins());
    let by = ["zombies", "--by", "origin", "--json", "--from", &path];
    let data = document(&run(&by), "origin");
    assert_eq!(data["summary"]["zombies"], 4);
    assert_eq!(
        data["summary"]["origins"],
        data["items"].as_array().unwrap().len()
    );
    let zombies = data["items"].as_array().unwrap().iter();
    let zombies: u64 = zombies.map(|item| item["zombies"].as_u64().unwrap()).sum();
    assert_eq!(zombies, 4);
    assert_eq!(data["not_checked"][0]["what"], "pins");
    let first = document(&run(&[&by[..], &["--top", "1"]].concat()), "origin");
    assert_eq!(first["items"].as_array().unwrap().len(), 1);
    assert_eq!(first["summary"]["origins"], data["summary"]["origins"]);

    let evil = recording("origins-evil", evil_host(), &hostile());
    for args in [&["--json"][..], &[]] {
        let text = stdout(&run(&[
            &["zombies", "--by", "origin", "--from", &evil],
            args,
        ]
        .concat()));
        let is_evil = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(is_evil), "{text:?}");
    }
    let none = recording("origins-none", host(), &[walked(0, vec![root()])]);
    let data = document(
        &run(&["zombies", "--by", "origin", "--json", "--from", &none]),
        "origin",
    );
    assert_eq!(data["items"], Value::Array(Vec::new()));
    assert_eq!(data["not_checked"], Value::Array(Vec::new()));
}

/// A hundred thousand of five origins: each is counted, in groups that are exact.
#[test]
fn a_hundred_thousand_are_grouped_exactly() {
    const EACH: u64 = 20_000;
    let mut random = Random(3);
    let mut rows = vec![
        root(),
        memcg(2, ROOT, "docker"),
        memcg(3, ROOT, "system.slice"),
        memcg(4, ROOT, "user.slice"),
    ];
    let mut serial = 10;
    for number in 0..EACH {
        let names = [
            (2, random.hex(64)),
            (3, format!("run-r{}.service", random.hex(32))),
            (3, format!("job@{number}.service")),
            (4, format!("session-{number}.scope")),
            (4, format!("vte-spawn-{}.scope", random.uuid("-"))),
        ];
        for (parent, name) in names {
            rows.push(Memcg {
                own_cost_bytes: Some(3),
                ..zombie(serial, parent, name, 1)
            });
            serial += 1;
        }
    }
    let snapshot: &Arc<_> = &snapshots(&[walked(0, rows)])[0];
    let groups = list(snapshot).into_iter();
    let found: Vec<_> = groups
        .map(|one| {
            assert_eq!((one.zombies, one.own_cost_bytes), (EACH, Some(3 * EACH)));
            format!("{}/{}", one.parent.display(), one.name.display())
        })
        .collect();
    assert_eq!(
        found,
        [
            "/docker/<hex64>",
            "/system.slice/job@<n>.service",
            "/system.slice/run-r<hex32>.service",
            "/user.slice/session-<n>.scope",
            "/user.slice/vte-spawn-<uuid>.scope",
        ]
    );
}
