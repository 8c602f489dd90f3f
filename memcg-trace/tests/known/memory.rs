//! Bugs that are seen in what pins zombies, in their number, and in caches.

use memcg_trace::sample::pins::{Inodes, Object, ObjectKind, Pin, PinKind, Pinned, Pins};
use memcg_trace::sample::slab_inside::{self, InsideParent, InsideRow, SlabInside, States};
use memcg_trace::sample::{Memcg, Sample};

use super::fixture::pins::{ZOMBIE, object, pin, rows};
use super::fixture::{DYING, ONLINE, ROOT, empty, memcg, root, walked, zombie};
use super::seen;

const NONE: [&str; 0] = [];

/// A zombie that these pins keep.
fn pinned_by(pins: Vec<Pin>) -> Vec<Sample> {
    let refs = pins.iter().map(|pin| pin.refs).sum::<u64>();
    let answer = Pins {
        zombies: vec![Pinned {
            serial_nr: ZOMBIE,
            refs: Some(i64::try_from(refs).unwrap()),
            pins,
            ..Pinned::default()
        }],
        ..Pins::default()
    };
    let asked = Sample {
        pins: Some(answer),
        ..empty(1)
    };
    vec![walked(0, rows()), asked]
}

fn of_kind(kind: PinKind, object_kind: ObjectKind) -> Vec<&'static str> {
    seen(&pinned_by(vec![pin(
        kind,
        vec![object(object_kind, 3, vec![])],
    )]))
}

#[test]
fn pages_pin_and_other_things_are_no_bug() {
    assert_eq!(
        of_kind(PinKind::PageFile, ObjectKind::File),
        ["lru_pages_pin"]
    );
    assert_eq!(
        of_kind(PinKind::PageShmem, ObjectKind::Memfd),
        ["lru_pages_pin"]
    );
    assert_eq!(
        of_kind(PinKind::PageKmem, ObjectKind::Pipe),
        ["kernel_pages_pin"]
    );
    for (kind, of) in [
        (PinKind::SocketUnix, ObjectKind::Socket),
        (PinKind::Fsnotify, ObjectKind::Inotify),
        (PinKind::Task, ObjectKind::CssSet),
        (PinKind::PageHugetlb, ObjectKind::File),
        (PinKind::Swap, ObjectKind::SwapId),
    ] {
        assert_eq!(of_kind(kind, of), NONE, "{kind:?}");
    }
}

/// A zombie with pages on its own lists, of which nobody asked what pins it.
pub fn zombie_with_lru_pages() -> Vec<Sample> {
    let mut dead = zombie(2, ROOT, "gone", 7);
    dead.lru_pages = Some(7);
    vec![walked(0, vec![root(), dead])]
}

#[test]
fn the_list_of_zombies_is_enough_to_see_pages() {
    assert_eq!(seen(&zombie_with_lru_pages()), ["lru_pages_pin"]);
    let with = |change: &dyn Fn(&mut Memcg)| {
        let mut samples = zombie_with_lru_pages();
        let walk = samples[0].memcgs.as_mut().unwrap();
        change(&mut walk.rows[1]);
        seen(&samples)
    };
    assert_eq!(with(&|dead| dead.lru_pages = Some(0)), NONE);
    assert_eq!(with(&|dead| dead.lru_pages = None), NONE);
    // Its pages may be given to its parent when it goes offline.
    assert_eq!(with(&|dead| dead.flags = DYING | ONLINE), NONE);
}

fn writeback(inodes: Option<Inodes>) -> Vec<&'static str> {
    let object = Object {
        inodes,
        ..object(ObjectKind::Writeback, 1, vec![])
    };
    seen(&pinned_by(vec![pin(PinKind::Writeback, vec![object])]))
}

#[test]
fn inodes_that_no_kernel_gives_away() {
    let inodes = |dirty, clean, are_given_away| {
        Some(Inodes {
            dirty,
            clean,
            are_given_away,
        })
    };
    assert_eq!(writeback(inodes(0, 2, false)), ["writeback_keeps_inodes"]);
    assert_eq!(writeback(inodes(1, 2, false)), ["writeback_keeps_inodes"]);
    assert_eq!(
        writeback(inodes(1, 0, false)),
        NONE,
        "dirty ones are to stay"
    );
    assert_eq!(writeback(inodes(0, 2, true)), NONE, "these leave soon");
    assert_eq!(writeback(None), NONE);
}

/// Directories, each with its device and its negative dentries, in a row of their own.
fn directories(parents: &[(&str, Option<&str>, u64)]) -> Vec<&'static str> {
    let row = |(dev, path, negative): &(&str, Option<&str>, u64)| {
        let states = States {
            negative: *negative,
            ..States::default()
        };
        InsideRow {
            dev: Some((*dev).to_owned()),
            states,
            parents: vec![InsideParent {
                path: path.map(Into::into),
                states,
            }],
            ..InsideRow::default()
        }
    };
    let contents = SlabInside {
        cache: "dentry".into(),
        kind: slab_inside::ObjectKind::Dentry,
        size_bytes: 192,
        rows: parents.iter().map(row).collect(),
        ..SlabInside::default()
    };
    let asked = Sample {
        slab_inside: Some(contents),
        ..empty(1)
    };
    seen(&[walked(0, vec![root()]), asked])
}

#[test]
fn a_million_names_of_one_directory() {
    let many = [("0:1", Some("/tmp"), 5), ("8:1", Some("/nss"), 1_000_000)];
    assert_eq!(directories(&many), ["negative_dentries"]);
    let shared = [
        ("8:1", Some("/nss"), 500_000),
        ("8:1", Some("/nss"), 500_000),
    ];
    assert_eq!(
        directories(&shared),
        ["negative_dentries"],
        "two memcgs are charged"
    );
    let spread = [("8:1", Some("/a"), 999_999), ("8:1", Some("/b"), 999_999)];
    assert_eq!(directories(&spread), NONE, "no directory has a million");
    let apart = [("8:1", Some("/a"), 999_999), ("8:2", Some("/a"), 999_999)];
    assert_eq!(directories(&apart), NONE, "these are two file systems");
    assert_eq!(
        directories(&[("8:1", None, 2_000_000)]),
        NONE,
        "in no directory"
    );
}

/// Live memcgs, and dead ones with pages in swap or without.
fn memcgs(alive: u64, dead: u64, swap_entries: Option<u64>) -> Vec<&'static str> {
    let live = (2..=alive).map(|serial_nr| memcg(serial_nr, ROOT, "m"));
    let zombies = (alive + 1..=alive + dead).map(|serial_nr| Memcg {
        swap_entries,
        ..zombie(serial_nr, ROOT, "z", 1)
    });
    let rows = [root()].into_iter().chain(live).chain(zombies);
    seen(&[walked(0, rows.collect())])
}

#[test]
fn ids_that_run_out() {
    assert_eq!(memcgs(59_000, 0, None), ["memcg_ids"]);
    assert_eq!(memcgs(40_000, 19_000, Some(1)), ["memcg_ids"]);
    assert_eq!(memcgs(58_000, 0, None), NONE);
    assert_eq!(
        memcgs(40_000, 19_000, Some(0)),
        NONE,
        "they gave their ids back"
    );
}
