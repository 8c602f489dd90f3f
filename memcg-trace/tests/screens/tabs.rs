//! Tabs: the body of each.

use memcg_trace::sample::Sample;
use memcg_trace::sample::ask::{Ask, NOT_RECORDED};
use memcg_trace::sample::reclaim::{Cause, Shrinking};

use crate::fixture::pins::demo_with_pins;
use crate::fixture::slab_walk::demo_with_slab;
use crate::fixture::waits::demo_with_deadlock;
use crate::fixture::{demo, demo_rows, host, oom_kill, snapshots, walk};
use crate::{SIZES, app, check, drawn, go, has, press, tabs};

#[test]
fn every_tab_at_each_size() {
    for (columns, rows) in SIZES {
        // The answer arrives between two samples: it must not show in the other tabs.
        let mut app = app(host(), &demo_with_pins());
        for tab in tabs(&mut app) {
            go(&mut app, &tab);
            check(&tab, &mut app, columns, rows);
        }
    }
}

#[test]
fn the_help_of_each_tab() {
    let mut app = app(host(), &demo());
    for tab in tabs(&mut app) {
        go(&mut app, &tab);
        press(&mut app, "?");
        check(&format!("help-{tab}"), &mut app, 80, 50);
        press(&mut app, "?");
    }
    go(&mut app, "slab");
    press(&mut app, "c?");
    check("help-slab-caches", &mut app, 80, 50);
}

/// The keys of the help are below the words of the tab: the line at the bottom says how to get there.
#[test]
fn the_help_scrolls_to_its_end() {
    let mut app = app(host(), &demo());
    press(&mut app, "?");
    let screen = drawn(&mut app, 80, 24);
    let keys = "Esc leave the help  Up Down PgUp PgDn scroll";
    assert_eq!(screen[23], keys);
    assert!(!screen.iter().any(|line| line == "KEYS"), "{screen:#?}");
    press(&mut app, "⇟");
    let screen = drawn(&mut app, 80, 24);
    assert!(screen.iter().any(|line| line == "KEYS"), "{screen:#?}");
    for last in ["G", "⇟⇟⇟⇟⇟⇟"] {
        press(&mut app, last);
        let screen = drawn(&mut app, 80, 24);
        let note = "births, deaths and kills always.";
        assert!(screen[22].contains(note), "{screen:#?}");
    }
    press(&mut app, "g");
    assert_eq!(drawn(&mut app, 80, 24)[4], "OVERVIEW");
}

#[test]
fn a_deadlock_is_on_every_tab() {
    for (columns, rows) in SIZES {
        let mut app = app(host(), &demo_with_deadlock());
        for tab in tabs(&mut app) {
            go(&mut app, &tab);
            let screen = drawn(&mut app, columns, rows);
            assert!(
                screen[3].starts_with("DEADLOCK: crasher[155] -> handler[157] ->"),
                "{screen:#?}"
            );
        }
        go(&mut app, "locks");
        check("deadlock", &mut app, columns, rows);
        press(&mut app, "\n");
        assert_eq!(app.question(), Some(Ask::Locks));
        let all = snapshots(&demo_with_deadlock());
        app.answer(&Ask::Locks, all.last().unwrap().clone());
        check("deadlock-all", &mut app, columns, rows);
    }
    let mut app = app(host(), &demo());
    go(&mut app, "locks");
    press(&mut app, "r");
    assert_eq!(app.question(), Some(Ask::Locks));
    assert!(has(&mut app, "asking the kernel who waits for whom"));
    app.leave_unanswered(&Ask::Locks, NOT_RECORDED);
    assert!(has(&mut app, "nobody asked while this was recorded"));
    press(&mut app, "\x1b/mkdir\n");
    assert!(has(&mut app, "mkdir[4242]") && !has(&mut app, "nginx[977]"));
}

#[test]
fn who_holds_slab_at_each_size() {
    for (columns, rows) in SIZES {
        let mut app = app(host(), &demo_with_slab());
        go(&mut app, "slab");
        check("slab-walked", &mut app, columns, rows);
    }
}

/// From a cache to its owners, and back; each view has its own order.
#[test]
fn caches_and_who_has_one_at_each_size() {
    for (columns, rows) in SIZES {
        let mut app = app(host(), &demo_with_slab());
        go(&mut app, "slab");
        press(&mut app, "c");
        check("slab-caches", &mut app, columns, rows);
        press(&mut app, "\n");
        check("slab-of-cache", &mut app, columns, rows);
    }
    let mut app = app(host(), &demo_with_slab());
    go(&mut app, "slab");
    press(&mut app, "c↓\n");
    assert!(has(&mut app, "[slab: who has kmalloc-cg-1k]") && !has(&mut app, "nginx"));
    press(&mut app, "\x1b");
    assert!(has(&mut app, "[slab: caches]"));
    press(&mut app, "/dentry\n");
    assert!(!has(&mut app, "kmalloc-cg-1k"));
    press(&mut app, "\x1bc");
    assert!(has(&mut app, "[slab]") && has(&mut app, "nginx"));
}

/// A task is in a shrinker for long, a task was killed, and a limit is near.
pub fn demo_with_findings() -> Vec<Sample> {
    let more = |(second, mut sample): (u64, Sample)| {
        let mut rows = demo_rows();
        rows[4].high_bytes = rows[4].usage_bytes.map(|usage| usage + usage / 50);
        sample.memcgs = Some(walk(second, rows));
        sample.oom_kills = Some(Vec::new());
        if second == 2 {
            sample.oom_kills = Some(vec![oom_kill(sample.mono_ns, 5)]);
        }
        if let Some(reclaim) = &mut sample.reclaim {
            reclaim.shrinking = vec![Shrinking {
                pid: 70,
                tid: 71,
                comm: "gnome-shell".into(),
                shrinker: 7,
                name: Some("super_cache_scan".to_owned()),
                fs: Some("ext4".into()),
                dev: Some("254:0".to_owned()),
                memcg_serial_nr: Some(8),
                cause: Cause::High,
                begin_ns: sample.mono_ns - second * 1_000_000_000 - 1_500_000_000,
                stack: [
                    "__ext4_get_inode_loc",
                    "ext4_dirty_inode",
                    "super_cache_scan",
                ]
                .map(str::to_owned)
                .into(),
                ..Shrinking::default()
            }];
        }
        sample
    };
    (0..).zip(demo()).map(more).collect()
}

#[test]
fn findings_at_each_size() {
    for (columns, rows) in SIZES {
        let mut app = app(host(), &demo_with_findings());
        go(&mut app, "findings");
        check("findings-some", &mut app, columns, rows);
        press(&mut app, "/shell\n\n");
        assert_eq!(app.question(), None, "a finding is no question");
        check("finding", &mut app, columns, rows);
        press(&mut app, "r");
        assert_eq!(app.question(), None);
    }
}

#[test]
fn a_small_screen_scrolls() {
    let mut app = app(host(), &demo());
    go(&mut app, "memcgs");
    check("memcgs", &mut app, 40, 10);
    press(&mut app, "G");
    check("memcgs-last", &mut app, 40, 10);
}
