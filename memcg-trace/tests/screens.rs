//! What the dashboard looks like, kept as text in `tests/screens`. After a change that is
//! meant, `BLESS=1 cargo test --test screens` writes the files anew; look at them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod fixture;

use std::fs::{self, File};
use std::io::BufReader;
use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixture::pins::demo_with_pins;
use fixture::slab_walk::demo_with_slab;
use fixture::waits::demo_with_deadlock;
use fixture::{demo, demo_rows, evil_host, host, hostile, life, memcg, oom_kill, snapshots, walk};
use memcg_trace::model::Model;
use memcg_trace::sample::ask::{Ask, NOT_RECORDED};
use memcg_trace::sample::reclaim::{Cause, Shrinking};
use memcg_trace::sample::recording::{Host, Reader};
use memcg_trace::sample::{Absent, LifeKind, Loss, Sample};
use memcg_trace::tui::{App, Setup, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

/// In their order.
const TABS: [&str; 7] = [
    "memcgs",
    "zombies",
    "slab",
    "shrinkers",
    "reclaim",
    "locks",
    "findings",
];

fn app(host: Host, samples: &[Sample]) -> App {
    let mut app = App::new(Setup {
        host,
        is_replay: false,
        colour: false,
    });
    for snapshot in snapshots(samples) {
        app.take(snapshot);
    }
    app
}

fn press(app: &mut App, keys: &str) {
    for key in keys.chars() {
        let code = match key {
            '\t' => KeyCode::Tab,
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            '\x08' => KeyCode::Backspace,
            '↓' => KeyCode::Down,
            '⇟' => KeyCode::PageDown,
            other => KeyCode::Char(other),
        };
        app.press(KeyEvent::new(code, KeyModifiers::NONE));
    }
}

fn drawn(app: &mut App, columns: u16, rows: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    app.resize(columns, rows);
    terminal.draw(|frame| draw(frame, app)).unwrap();
    let buffer = terminal.backend().buffer();
    (0..rows)
        .map(|y| {
            let mut line = String::new();
            let mut x = 0;
            while x < columns {
                let symbol = buffer[(x, y)].symbol();
                line += symbol;
                // A wide character covers the cell after it.
                x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol))
                    .unwrap()
                    .max(1);
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// Compares with what is kept, or keeps it.
fn check(name: &str, app: &mut App, columns: u16, rows: u16) {
    let screen = drawn(app, columns, rows).join("\n") + "\n";
    let file = format!("tests/screens/{name}-{columns}x{rows}.txt");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(&file);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &screen).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == screen, "not as in {file}, but\n{screen}");
}

#[test]
fn every_tab_at_both_sizes() {
    for (columns, rows) in [(80, 24), (200, 50)] {
        // The answer comes between two samples: it must not show in the other tabs.
        let mut app = app(host(), &demo_with_pins());
        for tab in TABS {
            check(tab, &mut app, columns, rows);
            press(&mut app, "\t");
        }
        press(&mut app, "?");
        check("help", &mut app, columns, rows);
    }
}

#[test]
fn a_deadlock_is_on_every_tab() {
    for (columns, rows) in [(80, 24), (200, 50)] {
        let mut app = app(host(), &demo_with_deadlock());
        check("deadlock-memcgs", &mut app, columns, rows);
        for _ in TABS {
            let screen = drawn(&mut app, columns, rows);
            assert!(
                screen[3].starts_with("DEADLOCK: crasher[155] -> handler[157] ->"),
                "{screen:#?}"
            );
            press(&mut app, "\t");
        }
        press(&mut app, "\t\t\t\t\t");
        check("deadlock", &mut app, columns, rows);
        press(&mut app, "\n");
        assert_eq!(app.question(), Some(Ask::Locks));
        let all = snapshots(&demo_with_deadlock());
        app.answer(&Ask::Locks, all.last().unwrap().clone());
        check("deadlock-all", &mut app, columns, rows);
    }
    let mut app = app(host(), &demo());
    press(&mut app, "\t\t\t\t\tr");
    assert_eq!(app.question(), Some(Ask::Locks));
    let has = |app: &mut App, text: &str| drawn(app, 80, 24).iter().any(|row| row.contains(text));
    assert!(has(&mut app, "asking the kernel who waits for whom"));
    app.leave_unanswered(&Ask::Locks, NOT_RECORDED);
    assert!(has(&mut app, "nobody asked while this was recorded"));
    press(&mut app, "\x1b/mkdir\n");
    assert!(has(&mut app, "mkdir[4242]") && !has(&mut app, "nginx[977]"));
}

#[test]
fn who_holds_slab_at_both_sizes() {
    for (columns, rows) in [(80, 24), (200, 50)] {
        let mut app = app(host(), &demo_with_slab());
        press(&mut app, "\t\t");
        check("slab-walked", &mut app, columns, rows);
    }
}

/// From a cache to who has it, and back; each view has its own order.
#[test]
fn caches_and_who_has_one_at_both_sizes() {
    for (columns, rows) in [(80, 24), (200, 50)] {
        let mut app = app(host(), &demo_with_slab());
        press(&mut app, "\t\tc");
        check("slab-caches", &mut app, columns, rows);
        press(&mut app, "\n");
        check("slab-of-cache", &mut app, columns, rows);
    }
    let mut app = app(host(), &demo_with_slab());
    let has = |app: &mut App, text: &str| drawn(app, 80, 24).iter().any(|row| row.contains(text));
    press(&mut app, "\t\tc↓\n");
    assert!(has(&mut app, "[slab: who has kmalloc-cg-1k]") && !has(&mut app, "nginx"));
    press(&mut app, "\x1b");
    assert!(has(&mut app, "[slab: caches]"));
    press(&mut app, "/dentry\n");
    assert!(!has(&mut app, "kmalloc-cg-1k"));
    press(&mut app, "\x1bc");
    assert!(has(&mut app, "[slab]") && has(&mut app, "nginx"));
}

/// Somebody has been in a shrinker for long, somebody was killed, and a limit is near.
fn demo_with_findings() -> Vec<Sample> {
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
fn findings_at_both_sizes() {
    for (columns, rows) in [(80, 24), (200, 50)] {
        let mut app = app(host(), &demo_with_findings());
        press(&mut app, "\t\t\t\t\t\t");
        check("findings-some", &mut app, columns, rows);
        press(&mut app, "/shell\n\n");
        assert_eq!(app.question(), None, "a finding is no question");
        check("finding", &mut app, columns, rows);
        press(&mut app, "r");
        assert_eq!(app.question(), None);
    }
}

/// Takes the zombies' tab and opens the one with the most references.
fn open_zombie(app: &mut App) -> Ask {
    press(app, "\t\n");
    app.question().unwrap()
}

#[test]
fn who_pins_a_zombie_at_both_sizes() {
    for (columns, rows) in [(80, 24), (200, 50)] {
        let samples = demo_with_pins();
        let mut app = app(host(), &samples);
        let ask = open_zombie(&mut app);
        assert_eq!(ask, Ask::Pins(vec![6]));
        app.answer(&ask, snapshots(&samples).pop().unwrap());
        check("zombie", &mut app, columns, rows);
        drawn(&mut app, columns, rows);
        press(&mut app, "G");
        check("zombie-last", &mut app, columns, rows);
    }
}

#[test]
fn a_question_is_asked_once_and_its_answer_is_shown() {
    let all = snapshots(&demo_with_pins());
    let mut app = app(host(), &demo());
    let has = |app: &mut App, text: &str| drawn(app, 80, 24).iter().any(|row| row.contains(text));
    press(&mut app, "\n");
    assert_eq!(app.question(), None, "folding is no question");
    let ask = open_zombie(&mut app);
    assert_eq!(app.question(), None, "asked once");
    assert!(has(&mut app, "asking the kernel") && has(&mut app, "backup.service"));

    app.answer(&Ask::Pins(vec![9]), all[5].clone());
    assert!(has(&mut app, "asking the kernel"), "that was about another");
    app.answer(&ask, all[5].clone());
    assert!(has(&mut app, "/dev/shm/cache.bin") && !has(&mut app, "asking"));

    press(&mut app, "r");
    assert_eq!(app.question(), Some(ask.clone()));
    assert!(has(&mut app, "asking") && has(&mut app, "/dev/shm/cache.bin"));
    app.leave_unanswered(&ask, "the kernel is busy\u{1b}[2J");
    assert!(has(&mut app, "no answer: the kernel is busy\u{fffd}[2J"));
    assert!(
        has(&mut app, "/dev/shm/cache.bin"),
        "the answer from before"
    );

    press(&mut app, "\x1b");
    assert!(
        has(&mut app, "[zombies]") && has(&mut app, "session-3.scope"),
        "back"
    );
    press(&mut app, "/UNREAPED\n");
    assert!(
        has(&mut app, "session-3.scope") && !has(&mut app, "backup.service"),
        "by verdict"
    );
}

#[test]
fn a_recording_without_an_answer_says_so() {
    let mut app = app(host(), &demo());
    let ask = open_zombie(&mut app);
    app.leave_unanswered(&ask, NOT_RECORDED);
    let screen = drawn(&mut app, 80, 24).join("\n");
    assert!(screen.contains("not_recorded: nobody asked"), "{screen}");

    let mut app = self::app(host(), &demo_with_pins());
    let ask = open_zombie(&mut app);
    app.leave_unanswered(&ask, NOT_RECORDED);
    let screen = drawn(&mut app, 80, 24).join("\n");
    assert!(!screen.contains("not_recorded"), "it has one: {screen}");
}

#[test]
fn a_zombie_that_is_freed_while_it_is_shown() {
    let mut samples = demo_with_pins();
    let backup = memcg(6, 3, "backup.service");
    samples.push(Sample {
        life: Some(vec![life(LifeKind::Released, u64::MAX, &backup)]),
        ..fixture::empty(5)
    });
    let all = snapshots(&samples);
    let mut app = app(host(), &samples[..6]);
    open_zombie(&mut app);
    app.take(all[6].clone());
    let screen = drawn(&mut app, 80, 24).join("\n");
    assert!(screen.contains("gone: it was released"), "{screen}");
    press(&mut app, "\x1b");
    let screen = drawn(&mut app, 80, 24).join("\n");
    assert!(!screen.contains("backup.service"), "{screen}");
}

#[test]
fn a_held_picture_shows_an_answer() {
    let all = snapshots(&demo_with_pins());
    let mut app = app(host(), &demo()[..2]);
    press(&mut app, " ");
    let ask = open_zombie(&mut app);
    app.answer(&ask, all[5].clone());
    let screen = drawn(&mut app, 80, 24);
    assert!(
        screen.join("\n").contains("/dev/shm/cache.bin"),
        "{screen:#?}"
    );
    assert!(screen[0].contains("for 1.0 s"), "still held: {}", screen[0]);
    press(&mut app, " ");
    assert!(drawn(&mut app, 80, 24)[0].contains("for 4.0 s"));
}

/// The kept screens are what a terminal showed of `replay demo-6.12.rec` at its end.
#[test]
fn a_recording_of_a_real_kernel() {
    let file = "tests/recordings/demo-6.12.rec";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    let mut reader = Reader::open(BufReader::new(File::open(path).unwrap())).unwrap();
    let mut app = App::new(Setup {
        host: reader.header().host.clone(),
        is_replay: true,
        colour: false,
    });
    let mut model = Model::new();
    while let Some(sample) = reader.read_sample().unwrap() {
        app.take(model.step(&sample));
    }
    app.end();
    check("recording", &mut app, 80, 24);
    check("recording", &mut app, 200, 50);
}

#[test]
fn a_small_screen_scrolls() {
    let mut app = app(host(), &demo());
    check("memcgs", &mut app, 40, 10);
    press(&mut app, "G");
    check("memcgs-last", &mut app, 40, 10);
}

#[test]
fn a_host_that_can_do_little() {
    let absent = |section: &str, reason: &str| Absent {
        section: section.to_owned(),
        reason: reason.to_owned(),
    };
    let samples: Vec<Sample> = demo()
        .into_iter()
        .map(|sample| Sample {
            absent: vec![
                absent("slab", "no tracepoint kmem_cache_alloc"),
                absent("lock", "no probe could be attached: locked down"),
            ],
            losses: vec![Loss {
                place: "life".to_owned(),
                lost_total: None,
            }],
            ..sample
        })
        .collect();
    let mut app = app(host(), &samples);
    check("little", &mut app, 80, 24);
    press(&mut app, "\t\t");
    check("little-slab", &mut app, 80, 24);
}

#[test]
fn losses_are_loud() {
    let mut samples = demo();
    samples[4].losses[0].lost_total = Some(12_345);
    let screen = drawn(&mut app(host(), &samples), 60, 12);
    assert!(screen[0].contains(" LOST 12.3k of "), "{}", screen[0]);
}

#[test]
fn keys_do_what_the_help_says() {
    let mut app = app(host(), &demo());
    let has = |app: &mut App, text: &str| drawn(app, 160, 30).iter().any(|row| row.contains(text));

    assert!(has(&mut app, "nginx.service"));
    press(&mut app, "jj\n");
    assert!(
        has(&mut app, "+ system.slice") && !has(&mut app, "nginx.service"),
        "folded"
    );
    press(&mut app, "\n");
    assert!(has(&mut app, "nginx.service"), "unfolded");

    press(&mut app, "/SESSION\n");
    assert!(
        has(&mut app, "Z /user.slice/user-1000.slice/session-3.scope"),
        "filtered"
    );
    assert!(!has(&mut app, "nginx.service"));
    press(&mut app, "\t\t");
    assert!(has(&mut app, "no row matches"), "in every tab");
    press(&mut app, "\x1b");
    assert!(has(&mut app, "dentry"), "cleared");

    press(&mut app, "s");
    assert!(has(&mut app, "FREE/S↓"), "sorted");
    press(&mut app, "S");
    assert!(has(&mut app, "FREE/S↑"), "sorted the other way round");

    press(&mut app, "q");
    assert!(app.is_done());
}

#[test]
fn a_held_picture_stays_and_then_catches_up() {
    let all = snapshots(&demo());
    let mut app = app(host(), &demo()[..1]);
    press(&mut app, " ");
    let held = drawn(&mut app, 80, 24);
    app.take(all[3].clone());
    assert_eq!(drawn(&mut app, 80, 24), held);
    assert!(held[1].ends_with("PAUSED"));
    press(&mut app, " ");
    assert_ne!(drawn(&mut app, 80, 24), held);
}

#[test]
fn any_size_and_any_key_is_harmless() {
    let keys = "jG⇟k\tjG\nj⇟Gr\x1b\n\tjG⇟\t↓G\tjjG\t/e\x08é\n\n\nsSsSsSsSsS??\x1b hq";
    for samples in [
        demo_with_pins(),
        hostile(),
        Vec::new(),
        vec![Sample::default()],
    ] {
        for (columns, rows) in [(0, 0), (1, 1), (5, 3), (10, 7), (40, 10), (250, 80)] {
            let mut app = app(evil_host(), &samples);
            for key in keys.chars() {
                press(&mut app, &key.to_string());
                drawn(&mut app, columns, rows);
            }
        }
    }
}

#[test]
fn hostile_names_reach_no_cell() {
    let mut app = app(evil_host(), &hostile());
    // Every tab, and then a zombie.
    for keys in ["", "\t", "\t", "\t", "\t", "\t", "\t", "\t\t\n", "G"] {
        press(&mut app, keys);
        for line in drawn(&mut app, 200, 50) {
            assert!(
                !line.contains(|c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)),
                "{line:?}"
            );
        }
    }
    assert!(
        drawn(&mut app, 200, 50)
            .join("\n")
            .contains("what would free it")
    );
}
