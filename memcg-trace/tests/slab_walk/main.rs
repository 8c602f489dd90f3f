//! The model and the views of a walk of all slabs.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod between_walks;
#[path = "../fixture/mod.rs"]
mod fixture;
#[path = "../tool/mod.rs"]
mod tool;
mod verb;

use fixture::slab_walk::{answered, cache, demo_with_slab, row, share, walk};
use fixture::{host, memcg, root, snapshots, walked};
use memcg_trace::model::snapshot::Memcg;
use memcg_trace::sample::Text;
use memcg_trace::sample::slab_walk::{Idle, Share, SlabWalk, WalkedCache};
use tool::{document, recording, run, stdout};

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

/// All bytes of a cache are accounted for: reclaimable, or not reclaimable for one reason.
#[test]
fn what_could_be_reclaimed_adds_up() {
    let of = |name: &str, has_shrinker, idle| WalkedCache {
        has_shrinker,
        idle,
        ..cache(0xc1, name, 10, 30, share(12, 40, 100_000))
    };
    // Of 42 objects on 10 slabs of 8 pages, 20 are unused, 15 of them on two slabs of their own.
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
    // Merged with others, one of which is freed in another way.
    let merged = |names: [&str; 2]| WalkedCache {
        aliases: names.map(Text::from).to_vec(),
        ..of("extent_status", Some(true), None)
    };
    let same = reclaim(merged(["mbcache", "dquot"])).unwrap();
    assert_eq!(same.not_memcg_aware_bytes, live);
    assert_eq!(reclaim(merged(["mbcache", "numa_policy"])), None);
    // The objects were not scanned, or the flag was not read.
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
        "NOT RECLAIMABLE",
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
    // Before the walk the figures are unknown, and not 0.
    let first = &snapshots(&demo_with_slab())[0];
    assert!(
        first
            .memcgs
            .items
            .iter()
            .all(|memcg| memcg.slab_objects.is_none())
    );
}

/// Each name of a merged cache selects it.
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
