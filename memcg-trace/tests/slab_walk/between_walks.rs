//! Slab totals between two walks, which events update.

use memcg_trace::sample::slab_walk::{Share, WalkedSlab};
use memcg_trace::sample::{MemcgEventKind, Sample, Text};

use crate::fixture::slab_walk::{cache, row, share, walk};
use crate::fixture::{self, count, empty, memcg, root, slab, snapshots};

/// The walk is the base, and events update it until the next walk corrects it.
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
        // 500 objects existed before counting began.
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
        MemcgEventKind::Offline,
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
        // Five objects that the child had allocated are freed.
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

/// Objects made during a walk, behind its position, stay counted; and the objects that the walk saw
/// of a memcg that has died and was freed since are its heir's.
#[test]
fn events_during_a_walk_are_added_to_it() {
    let (parent, child) = (memcg(2, 1, "a"), memcg(3, 2, "dead"));
    let born = memcg(4, 1, "born");
    let at = |second| fixture::START_NS + second * fixture::SECOND;
    let life = |second| {
        let kinds = [
            MemcgEventKind::Offline,
            MemcgEventKind::Released,
            MemcgEventKind::Freed,
        ];
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
        // The memcg dies and is freed between two samples.
        Sample {
            life: life(1),
            slab: Some(more(1)),
            ..empty(1)
        },
        // A walk that saw the memcg's objects while it lived, and had passed before the new ones
        // were made.
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
