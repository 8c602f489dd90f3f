//! What the model and the views make of a walk of all slabs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod fixture;
mod tool;

use fixture::slab_walk::{answered, cache, demo_with_slab, row, share, walk};
use fixture::{count, empty, host, memcg, root, slab, snapshots, walked};
use memcg_trace::model::snapshot::Memcg;
use memcg_trace::sample::slab_walk::{Idle, Share, SlabWalk, WalkedCache, WalkedSlab};
use memcg_trace::sample::{LifeKind, Sample, Text};
use serde_json::Value;
use tool::{assert_fails, checked, document, recording, run, stdout};

#[test]
fn utilization_and_packing_are_arithmetic() {
    let walk = walk(
        1,
        vec![cache(0xc1, "inode", 10, 30, share(12, 40, 100_000))],
        vec![row(2, 0xc1, share(30, 72, 227_680), 0)],
    );
    let rows = vec![root(), memcg(2, 1, "a")];
    let last = snapshots(&[walked(0, rows), answered(1, walk)])
        .pop()
        .unwrap();
    let (held, cache) = (&last.slab.items[0], &last.slab_caches.items[0]);
    assert_eq!(held.bytes(), Some(30 * 1536));
    assert_eq!(held.charged_bytes(), Some(30 * (1536 + 8)));
    assert!((held.utilization().unwrap() - 46_080.0 / 227_680.0).abs() < 1e-9);
    assert_eq!(cache.live_objects(), 42);
    assert!((cache.utilization().unwrap() - 64_512.0 / 327_680.0).abs() < 1e-9);
    // 42 objects fit into two slabs of 21.
    assert_eq!(cache.freeable_pages(), Some(80 - 16));
}

/// All bytes of a cache are somewhere: could be reclaimed, or could not for one reason.
#[test]
fn what_could_be_reclaimed_adds_up() {
    let of = |name: &str, has_shrinker, idle| WalkedCache {
        has_shrinker,
        idle,
        ..cache(0xc1, name, 10, 30, share(12, 40, 100_000))
    };
    // Of 42 objects on 10 slabs of 8 pages nobody uses 20, 15 of them on two slabs of their own.
    let idle = Some(Idle {
        objects: 20,
        alone_objects: 15,
        slab_bytes: 2 * 32_768,
    });
    let reclaim = |cache: WalkedCache| {
        let samples = [
            walked(0, vec![root()]),
            answered(1, walk(1, vec![cache], vec![])),
        ];
        let last = snapshots(&samples).pop().unwrap();
        last.slab_caches.items[0].reclaimable()
    };
    let live = 42 * 1536;
    let some = reclaim(of("dentry", Some(true), idle)).unwrap();
    assert_eq!(some.reclaimable_bytes, 65_536);
    assert_eq!(some.in_use_bytes, 22 * 1536);
    assert_eq!(some.shared_page_bytes, 5 * 1536);
    assert_eq!(some.free_bytes, 8 * 32_768 - 27 * 1536);
    let none = reclaim(of("vm_area_struct", Some(false), None)).unwrap();
    assert_eq!(
        (none.no_shrinker_bytes, none.free_bytes),
        (live, 327_680 - live)
    );
    let other = reclaim(of("ext4_extent_status", Some(true), None)).unwrap();
    assert_eq!(other.not_memcg_aware_bytes, live);
    // Merged with others, of which one is freed otherwise.
    let merged = |names: [&str; 2]| WalkedCache {
        aliases: names.map(Text::from).to_vec(),
        ..of("extent_status", Some(true), None)
    };
    let same = reclaim(merged(["mbcache", "dquot"])).unwrap();
    assert_eq!(same.not_memcg_aware_bytes, live);
    assert_eq!(reclaim(merged(["mbcache", "numa_policy"])), None);
    // Nobody looked at the objects, or read the flag.
    assert_eq!(reclaim(of("dentry", Some(true), None)), None);
    assert_eq!(reclaim(of("dentry", None, idle)), None);
    let path = recording(
        "slab-reclaim",
        host(),
        &[
            walked(0, vec![root()]),
            answered(1, walk(1, vec![of("dentry", Some(true), idle)], vec![])),
        ],
    );
    let text = stdout(&run(&["slab", "--from", &path]));
    for part in [
        "reclaimable: 64.0 KiB; not: empty room 215.5 KiB, in use 33.0 KiB",
        "MOST OF",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let data = document(&run(&["slab", "--json", "--from", &path]), "slab");
    assert_eq!(data["summary"]["caches"][0]["reclaimable_bytes"], 65_536);
    assert_eq!(data["summary"]["shared_page_bytes"], 5 * 1536);
    assert_eq!(data["summary"]["unknown_reclaim_bytes"], 0);
}

#[test]
fn memcgs_know_what_they_hold_and_inherited() {
    let last = snapshots(&demo_with_slab()).pop().unwrap();
    let of = |path: &str| -> &Memcg {
        let mut memcgs = last.memcgs.items.iter();
        memcgs
            .find(|memcg| memcg.id.path == Text::from(path))
            .unwrap()
    };
    let user = of("/user.slice/user-1000.slice");
    assert_eq!(user.slab_objects, Some(50));
    assert_eq!(user.slab_uncertain_objects, None, "nobody counts events");
    assert_eq!(user.inherited_bytes, Some(15 * 1544 + 3 * 4096));
    let root = of("/");
    assert_eq!(
        (root.slab_objects, root.inherited_bytes),
        (Some(0), Some(0))
    );
    // Before the walk nothing was known, and that is not 0.
    let first = &snapshots(&demo_with_slab())[0];
    assert!(
        first
            .memcgs
            .items
            .iter()
            .all(|memcg| memcg.slab_objects.is_none())
    );
}

/// Caches that the kernel merged go by each of their names.
#[test]
fn a_merged_cache_has_all_its_names() {
    let merged = WalkedCache {
        aliases: vec!["UNIX".into(), "RAW".into()],
        ..cache(0xc1, "PING", 1, 5, Share::default())
    };
    let walk = walk(1, vec![merged], vec![row(1, 0xc1, share(5, 8, 32_768), 0)]);
    let samples = [walked(0, vec![root()]), answered(1, walk)];
    let path = recording("slab-merged", host(), &samples);
    let on = |args: &[&str]| run(&[&["slab", "--from", &path], args].concat());
    let data = document(&on(&["--json", "--cache", "UNIX"]), "slab");
    assert_eq!(data["items"][0]["cache"], "PING");
    assert_eq!(
        data["summary"]["caches"][0]["aliases"],
        serde_json::json!(["UNIX", "RAW"])
    );
    assert!(stdout(&on(&[])).contains("PING (+UNIX, RAW)"));
}

#[test]
fn younger_ones_and_a_cut_walk_are_not_zero() {
    let whole = walk(1, vec![], vec![]);
    let later = walked(2, vec![root(), memcg(7, 1, "young")]);
    let last = snapshots(&[walked(0, vec![root()]), answered(1, whole), later])
        .pop()
        .unwrap();
    let objects: Vec<_> = last
        .memcgs
        .items
        .iter()
        .map(|memcg| memcg.slab_objects)
        .collect();
    assert_eq!(objects, [Some(0), None]);

    let cut = SlabWalk {
        truncated_at: Some(1024),
        ..walk(1, vec![], vec![])
    };
    let last = snapshots(&[walked(0, vec![root()]), answered(1, cut)])
        .pop()
        .unwrap();
    assert_eq!(last.memcgs.items[0].slab_objects, None);
    assert_eq!(last.slab_caches.truncated_at, Some(1024));
}

#[test]
fn huge_figures_do_not_wrap() {
    let most = Share {
        objects: u64::MAX,
        touched_pages: u64::MAX,
        owned_pages: 0,
        share_bytes: 1,
    };
    let mut huge = cache(0xc1, "x", 1, u64::MAX, Share::default());
    (huge.order, huge.slab_objects, huge.unaccounted) = (200, 0, most);
    let walk = walk(1, vec![huge], vec![row(1, 0xc1, most, u64::MAX)]);
    let last = snapshots(&[walked(0, vec![root()]), answered(1, walk)])
        .pop()
        .unwrap();
    assert_eq!(last.slab.items[0].bytes(), Some(u64::MAX));
    assert_eq!(last.slab_caches.items[0].freeable_pages(), None);
}

/// Runs a verb on a recording of the demo.
fn on_demo(name: &str, args: &[&str]) -> std::process::Output {
    let path = recording(name, host(), &demo_with_slab());
    run(&[args, &["--from", &path]].concat())
}

#[test]
fn slab_is_one_document() {
    let data = document(&on_demo("slab-json", &["slab", "--json"]), "slab");
    let first = &data["items"][0];
    assert_eq!(
        (&first["path"], &first["cache"]),
        (&"/system.slice/nginx.service".into(), &"dentry".into())
    );
    assert_eq!(first["objects"], 80);
    assert_eq!(first["bytes"], 80 * 1536);
    assert_eq!(first["utilization"], 0.559);
    assert_eq!(first["alloc_total"], 2_000);
    let summary = &data["summary"];
    assert_eq!(summary["slab_pages"], 14 * 8);
    assert_eq!(summary["live_objects"], 150);
    assert_eq!(summary["unaccounted_objects"], 20);
    assert_eq!(
        summary["inherited"][0]["inherited_bytes"],
        15 * 1544 + 3 * 4096
    );
    assert_eq!(summary["inherited"][0]["lru_bytes"], Value::Null);
    assert_eq!(summary["caches"][0]["cache"], "dentry");
    assert_eq!(data["not_checked"], Value::Array(Vec::new()));
}

#[test]
fn rows_are_sorted_cut_and_restricted() {
    let listed = |args: &[&str]| {
        let args = [&["slab", "--json"], args].concat();
        let data = document(&on_demo(&args.concat().replace('/', "_"), &args), "slab");
        let items = data["items"].as_array().unwrap().iter();
        let objects = items.map(|item| item["objects"].as_u64().unwrap());
        objects.collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]), [80, 30, 20]);
    assert_eq!(listed(&["--sort", "inherited"]), [20, 80, 30]);
    assert_eq!(listed(&["--sort", "utilization"]), [30, 80, 20]);
    assert_eq!(listed(&["--sort", "cache", "--top", "1"]), [80]);
    assert_eq!(listed(&["--cache", "dentry"]), [80, 20]);
    assert_eq!(listed(&["--cgroup", "/user.slice"]), [30, 20]);
}

#[test]
fn slab_text_is_for_people() {
    let text = stdout(&on_demo("slab-text", &["slab"]));
    for part in [
        "slab: 448.0 KiB in 112 pages of 2 caches, 50 % used; packing would free 48 pages",
        "charged: 130 objects on 389.4 KiB to 2 memcgs; to nobody: 20 objects on 58.6 KiB",
        "walk: 262.1k pages in 20.0 ms, 0 s ago",
        "(unaccounted)",
        "INHERITED BY",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let part = stdout(&on_demo("slab-part", &["slab", "--cgroup", "/user.slice"]));
    assert!(
        !part.contains("(unaccounted)") && !part.contains("nginx"),
        "{part}"
    );
}

#[test]
fn what_cannot_be_answered_is_an_error() {
    let none = recording("slab-none", host(), &[walked(0, vec![root()])]);
    assert_fails(&run(&["slab", "--from", &none]), 1, &["not_recorded"]);
    assert_fails(
        &on_demo("slab-typo", &["slab", "--cache", "dentri"]),
        1,
        &["did you mean dentry?"],
    );
}

/// A walk is written with the frame in which it arrives, joined with what events counted.
#[test]
fn a_stream_has_each_walk_once() {
    let records = checked(&stdout(&on_demo("slab-export", &["export"])));
    let of = |kind: &str| {
        records
            .iter()
            .filter(|one| one["type"] == kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("slab_cache").len(), 2);
    let walked: Vec<_> = of("slab")
        .into_iter()
        .filter(|one| !one["data"]["objects"].is_null())
        .collect();
    assert_eq!(walked.len(), 4, "and one that only events know");
    let nginx = walked
        .iter()
        .find(|one| one["data"]["name"] == "nginx.service")
        .unwrap();
    assert_eq!(nginx["frame"], 5);
    assert_eq!(nginx["data"]["objects"], 80);
    assert_eq!(nginx["data"]["alloc_total"], 2_000);
}

/// The walk is the base, and events keep it true until the next one puts it right.
#[test]
fn totals_stay_true_between_walks() {
    let rows = || vec![root(), memcg(2, 1, "a")];
    let counted = |second, allocs, frees| Sample {
        slab: Some(slab(second, vec![count(0x1, 0xc1, 2, allocs, frees)])),
        ..empty(second)
    };
    let found = |second, objects| {
        let row = WalkedSlab {
            uncertain_objects: Some(4),
            ..row(2, 0xc1, share(objects, 8, 32_768), 0)
        };
        let cache = cache(0xc1, "dentry", 1, objects, Share::default());
        walk(second, vec![cache], vec![row])
    };
    let samples = [
        Sample {
            memcgs: Some(fixture::walk(0, rows())),
            ..counted(0, 100, 10)
        },
        // 500 were there before all that was counted.
        Sample {
            slab_walk: Some(found(1, 590)),
            ..counted(1, 110, 20)
        },
        counted(2, 150, 30),
        Sample {
            slab_walk: Some(found(3, 623)),
            ..counted(3, 150, 30)
        },
        counted(4, 150, 650),
        counted(5, 150, 700),
        counted(6, 900, 700),
        Sample {
            slab_walk: Some(walk(7, vec![], vec![])),
            ..counted(7, 900, 700)
        },
    ];
    let all = snapshots(&samples);
    let held = |at: usize| all[at].slab.items[0].held;
    assert_eq!(held(0), None, "not known before a walk");
    let of = |at: usize| held(at).map(|held| (held.objects, held.drift_objects));
    assert_eq!(of(1), Some((590, None)));
    assert_eq!(of(2), Some((620, None)));
    assert_eq!(of(3), Some((623, Some(3))), "what was reckoned wrong");
    assert_eq!(of(4), Some((3, Some(3))));
    assert_eq!(of(5), Some((0, Some(3))), "never less than none");
    assert_eq!(held(5).unwrap().uncertain_objects, Some(4));
    let memcg = &all[2].memcgs.items[1];
    assert_eq!(memcg.slab_objects, Some(620));
    assert_eq!(memcg.slab_uncertain_objects, Some(4));
    assert_eq!(of(6), Some((703, Some(3))));
    assert_eq!(
        of(7),
        Some((0, Some(-703))),
        "what should be there and is not"
    );
    let share = held(5).unwrap().share;
    assert_eq!(share.objects, 623, "pages are as of the walk");
}

#[test]
fn the_heir_has_what_a_dead_memcg_held() {
    let (parent, child) = (memcg(2, 1, "a"), memcg(3, 2, "dead"));
    let died = fixture::life(
        LifeKind::Offline,
        fixture::START_NS + 2 * fixture::SECOND,
        &child,
    );
    let counts = |parents: u64, childs: u64, second| {
        let of = |objcg, memcg, frees| count(objcg, 0xc1, memcg, 0, frees);
        let heir = if second < 2 { 3 } else { 2 };
        Some(slab(
            second,
            vec![of(0x1, 2, parents), of(0x2, heir, childs)],
        ))
    };
    let row = |memcg, objects| WalkedSlab {
        uncertain_objects: Some(0),
        ..row(memcg, 0xc1, share(objects, 8, 16_384), 0)
    };
    let cache = cache(0xc1, "dentry", 1, 30, Share::default());
    let samples = [
        Sample {
            memcgs: Some(fixture::walk(0, vec![root(), parent, child])),
            slab: counts(0, 0, 0),
            ..empty(0)
        },
        Sample {
            slab_walk: Some(walk(1, vec![cache], vec![row(2, 10), row(3, 20)])),
            slab: counts(0, 0, 1),
            ..empty(1)
        },
        Sample {
            life: Some(vec![died]),
            slab: counts(0, 0, 2),
            ..empty(2)
        },
        // Five that the child had allocated are freed.
        Sample {
            slab: counts(1, 5, 3),
            ..empty(3)
        },
    ];
    let all = snapshots(&samples);
    let objects = |at: usize, path: &str| {
        let rows = all[at].slab.items.iter();
        let mut of = rows.filter(|row| row.memcg.as_ref().unwrap().path == Text::from(path));
        of.find_map(|row| row.objects())
    };
    assert_eq!(
        (objects(1, "/a"), objects(1, "/a/dead")),
        (Some(10), Some(20))
    );
    assert_eq!(objects(2, "/a"), Some(30));
    assert_eq!(objects(3, "/a"), Some(24));
    let heir = all[3]
        .slab
        .items
        .iter()
        .find(|row| row.objects() == Some(24))
        .unwrap();
    assert_eq!(heir.inherited_objects(), Some(20));
}

/// What came while a walk went on, and where it had been already, is not taken from it; and what it
/// saw of a memcg that has died and is freed since, has been its heir's.
#[test]
fn a_walk_knows_no_better_than_events_what_came_while_it_went_on() {
    let (parent, child) = (memcg(2, 1, "a"), memcg(3, 2, "dead"));
    let born = memcg(4, 1, "born");
    let at = |second| fixture::START_NS + second * fixture::SECOND;
    let life = |second| {
        let kinds = [LifeKind::Offline, LifeKind::Released, LifeKind::Freed];
        Some(
            kinds
                .map(|kind| fixture::life(kind, at(second), &child))
                .to_vec(),
        )
    };
    let row = |memcg, objects| WalkedSlab {
        uncertain_objects: Some(0),
        ..row(memcg, 0xc1, share(objects, 8, 16_384), 0)
    };
    let cache = || cache(0xc1, "dentry", 1, 30, Share::default());
    let nothing = |second| slab(second, vec![count(0x1, 0xc1, 2, 0, 0)]);
    let more = |second| {
        let of_born = count(0x4, 0xc1, 4, 1_000, 0);
        slab(second, vec![count(0x1, 0xc1, 2, 0, 0), of_born])
    };
    let samples = [
        Sample {
            memcgs: Some(fixture::walk(0, vec![root(), parent, child.clone(), born])),
            slab: Some(nothing(0)),
            slab_walk: Some(walk(0, vec![cache()], vec![row(2, 500), row(3, 200)])),
            ..empty(0)
        },
        // It dies and is freed between two samples.
        Sample {
            life: life(1),
            slab: Some(more(1)),
            ..empty(1)
        },
        // A walk that saw its objects while it lived, and came by before the new ones were made.
        Sample {
            slab: Some(more(2)),
            slab_walk: Some(walk(2, vec![cache()], vec![row(2, 500), row(3, 200)])),
            ..empty(2)
        },
    ];
    for (at, snapshot) in snapshots(&samples).iter().enumerate().skip(1) {
        let rows: Vec<_> = (snapshot.slab.items.iter())
            .map(|row| (row.memcg.as_ref().map(|id| id.path.clone()), row.objects()))
            .collect();
        let of = |path: &str| {
            let mut of = rows.iter();
            of.find_map(|(of, objects)| (*of == Some(Text::from(path))).then_some(*objects)?)
        };
        assert_eq!(of("/a"), Some(700), "{at}: {rows:?}");
        assert_eq!(of("/born"), Some(1_000), "{at}: {rows:?}");
        assert!(
            rows.iter().all(|(path, _)| path.is_some()),
            "{at}: {rows:?}"
        );
    }
}
