//! Pins of a zombie on the screen: the query, and its result.

use memcg_trace::sample::ask::{Ask, NOT_RECORDED};
use memcg_trace::sample::{MemcgEventKind, Sample};
use memcg_trace::tui::{App, Setup};

use crate::fixture::pins::demo_with_pins;
use crate::fixture::{self, demo, host, life, memcg, snapshots};
use crate::{SIZES, app, check, drawn, go, has, press};

/// Opens the zombies' tab and, in it, the zombie with the most references.
fn open_zombie(app: &mut App) -> Ask {
    go(app, "zombies");
    press(app, "\n");
    app.question().unwrap()
}

#[test]
fn who_pins_a_zombie_at_each_size() {
    for (columns, rows) in SIZES {
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
    go(&mut app, "memcgs");
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
    assert!(
        screen.contains("nobody asked while this was recorded; `record --pins`"),
        "{screen}"
    );

    let mut app = crate::app(host(), &demo_with_pins());
    let ask = open_zombie(&mut app);
    app.leave_unanswered(&ask, NOT_RECORDED);
    let screen = drawn(&mut app, 80, 24).join("\n");
    assert!(!screen.contains("nobody asked"), "it has one: {screen}");
}

/// Nobody can ask the kernel of a recording: the key is not offered, and says so.
#[test]
fn a_replay_offers_no_question() {
    let mut app = App::new(Setup {
        host: host(),
        is_replay: true,
        colour: false,
    });
    snapshots(&demo_with_pins())
        .into_iter()
        .for_each(|one| app.take(one));
    let ask = open_zombie(&mut app);
    app.leave_unanswered(&ask, NOT_RECORDED);
    let footer = |app: &mut App| drawn(app, 80, 24).pop().unwrap();
    assert_eq!(footer(&mut app), "q quit  ? help  Esc back  Up Down scroll");
    press(&mut app, "r");
    assert_eq!(app.question(), None);
    let why = "a recording has only the answers that it was made with";
    assert_eq!(footer(&mut app), why);
    assert!(has(&mut app, "/dev/shm/cache.bin") && !has(&mut app, "asking"));
    // Advice was no question.
    press(&mut app, "\x1b!r");
    assert!(
        footer(&mut app).starts_with("q quit"),
        "{}",
        footer(&mut app)
    );
}

#[test]
fn a_zombie_that_is_freed_while_it_is_shown() {
    let mut samples = demo_with_pins();
    let backup = memcg(6, 3, "backup.service");
    samples.push(Sample {
        life: Some(vec![life(MemcgEventKind::Released, u64::MAX, &backup)]),
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
fn a_paused_screen_shows_an_answer() {
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
    assert!(
        screen[0].contains("for 1.0 s"),
        "still paused: {}",
        screen[0]
    );
    press(&mut app, " ");
    assert!(drawn(&mut app, 80, 24)[0].contains("for 4.0 s"));
}
