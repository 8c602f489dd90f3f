//! Figures of memcgs and their slab objects.

use super::*;

#[test]
fn slab_counters_become_rows_and_rates() {
    let rows = vec![root(), memcg(2, ROOT, "a"), memcg(3, ROOT, "b")];
    let step = |second, counts| Sample {
        slab: Some(slab(second, counts)),
        ..empty(second)
    };
    let mut first = step(0, vec![count(0x1, 0xc1, 2, 100, 40)]);
    first.memcgs = Some(walk(0, rows.clone()));
    let gone = lived(4, &[(MemcgEventKind::Released, at(4) - 9, &rows[1])]);
    let all = snapshots(&[
        first,
        step(2, vec![count(0x1, 0xc1, 2, 300, 40)]),
        // Reparented, and then the counter was dropped and made anew.
        step(3, vec![count(0x1, 0xc1, 3, 305, 41)]),
        Sample {
            slab: Some(slab(4, vec![count(0x1, 0xc1, 3, 7, 0)])),
            ..gone
        },
    ]);
    let row = |snapshot: &Snapshot, at: usize| {
        let row = &snapshot.slab.items[at];
        let path = row.memcg.as_ref().unwrap().path.display().into_owned();
        (
            path,
            row.alloc_total.unwrap(),
            row.free_total.unwrap(),
            row.alloc_per_sec,
        )
    };
    assert_eq!(row(&all[0], 0), ("/a".to_owned(), 100, 40, None));
    assert_eq!(row(&all[1], 0), ("/a".to_owned(), 300, 40, Some(100.0)));
    assert_eq!(row(&all[2], 0), ("/a".to_owned(), 300, 40, Some(0.0)));
    assert_eq!(row(&all[2], 1), ("/b".to_owned(), 5, 1, Some(5.0)));
    assert_eq!(all[3].slab.items.len(), 1, "/a was released");
    assert_eq!(row(&all[3], 0), ("/b".to_owned(), 12, 1, Some(7.0)));
    let a = &all[1].memcgs.items[1];
    assert_eq!(
        (a.slab_alloc_per_sec, a.slab_free_per_sec),
        (Some(100.0), Some(0.0))
    );
    assert_eq!(
        all[0].memcgs.items[1].slab_alloc_per_sec, None,
        "no rate without an interval"
    );
}

#[test]
fn what_is_absent_is_not_zero() {
    let absent = |section: &str| Absent {
        section: section.to_owned(),
        reason: "none".to_owned(),
    };
    let sample = Sample {
        absent: ["memcg", "slab", "shrinker", "lock"].map(absent).to_vec(),
        ..fixture::demo().remove(0)
    };
    let snapshot = &snapshots(&[sample])[0];
    assert_eq!(snapshot.totals.memcgs, None);
    assert_eq!(snapshot.memcgs.source, Source::Absent);
    assert_eq!(snapshot.slab.reason.as_deref(), Some("none"));
    assert!(snapshot.lock_stats.items.is_empty() && snapshot.shrinkers.items.is_empty());
    let unread = &snapshots(&[empty(0)])[0];
    assert_eq!(unread.slab.source, Source::Absent);
    assert_eq!(unread.slab.as_of_ns, None);
}

#[test]
fn counters_of_released_memcgs_keep_their_name() {
    let mut samples = fixture::demo();
    let nginx = memcg(5, 3, "nginx.service");
    samples[3].life = lived(3, &[(MemcgEventKind::Released, at(3) - 9, &nginx)]).life;
    let all = snapshots(&samples);
    let last = &all[4];
    assert!(!paths(last).contains(&"/system.slice/nginx.service".to_owned()));
    let name = |memcg: &Option<std::sync::Arc<memcg_trace::model::snapshot::MemcgId>>| {
        memcg.as_ref().unwrap().path.display().into_owned()
    };
    assert_eq!(
        name(&last.shrinkers.items[0].memcg),
        "/system.slice/nginx.service"
    );
    assert_eq!(last.shrinkers.items[0].scanned_per_sec, Some(1_024.0));
    assert_eq!(last.lock_stats.items[0].waits_total, 19);
    assert_eq!(last.lock_stats.items[0].max_ns, 9_000_000);
}

#[test]
fn a_subtree_and_the_largest() {
    let all = snapshots(&fixture::demo());
    let last = all.last().unwrap();
    let below = Selection {
        cgroup: Some("/system.slice".into()),
        top: None,
    }
    .of(last);
    assert_eq!(
        paths(&below),
        [
            "/system.slice",
            "/system.slice/backup.service",
            "/system.slice/cron.service",
            "/system.slice/nginx.service"
        ]
    );
    assert_eq!(below.totals.zombies, Some(2));
    assert_eq!(below.slab.items.len(), 2);
    assert_eq!(below.lock_waits.items.len(), 2);
    let largest = Selection {
        cgroup: None,
        top: Some(2),
    }
    .of(last);
    assert_eq!(largest.memcgs.items.len(), 2);
    assert_eq!(largest.totals, last.totals, "what is left out still counts");
    assert_eq!(largest.slab.items.len(), 2);

    assert!(select::find(last, &"/user.slice".into()).is_ok());
    let near = select::find(last, &"/system.slice/ngix.service".into()).unwrap_err();
    assert_eq!(near[0], "/system.slice/nginx.service".into());
}
