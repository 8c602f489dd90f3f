//! Other moments than the newest: paused, the past, and the way back.

use memcg_trace::model::Model;
use memcg_trace::tui::{App, Destination, Setup, Travel, Trends, Visit};

use crate::fixture::{SECOND, START_NS, demo, host, snapshots};
use crate::{app, compare, drawn, has, press, regions};

/// What the command line does with a wish: a model made anew shows that moment.
fn visit(app: &mut App, sample: usize) {
    let mut model = Model::new();
    let mut trends = Trends::default();
    let mut last = None;
    for sample in &demo()[..=sample] {
        let snapshot = model.step(sample);
        trends.push(&snapshot);
        last = Some(snapshot);
    }
    app.visit(Visit {
        snapshot: last.unwrap(),
        trends,
        since_ns: START_NS,
    });
}

fn seconds(seconds: u64) -> u64 {
    START_NS + seconds * SECOND
}

#[test]
fn each_key_is_a_wish_as_seen_from_the_moment_that_is_shown() {
    let from_ns = seconds(4);
    for (keys, to) in [
        ("[", Destination::Samples(-1)),
        ("]", Destination::Samples(1)),
        ("[[]", Destination::Samples(-1)),
        ("{", Destination::Moment(from_ns - 60 * SECOND)),
        ("}", Destination::Moment(from_ns + 60 * SECOND)),
        (":-3\n", Destination::Moment(from_ns - 3 * SECOND)),
        (":+2m\n", Destination::Moment(from_ns + 120 * SECOND)),
    ] {
        let mut app = app(host(), &demo());
        press(&mut app, keys);
        assert_eq!(app.travel(), Some(Travel { from_ns, to }), "{keys}");
        assert_eq!(app.travel(), None, "{keys}: only once");
        assert!(app.is_paused());
    }
}

#[test]
fn a_time_that_is_none_is_no_wish() {
    let mut app = app(host(), &demo());
    press(&mut app, ":12:x");
    assert!(has(&mut app, "  :12:x_"));
    press(&mut app, "\n");
    assert_eq!(app.travel(), None);
    assert!(has(&mut app, "12:x: write it like 12:34"));
    press(&mut app, "j");
    assert!(!has(&mut app, "write it like"), "until the next key");
    press(&mut app, ":12\x1b");
    assert_eq!(app.travel(), None);
    assert!(!app.is_paused());
}

/// Live figures continue in the background, and Space shows them again.
#[test]
fn the_past_stays_until_the_user_comes_back() {
    let all = snapshots(&demo());
    let mut app = app(host(), &demo()[..4]);
    app.keeps_since(Some(seconds(0)));
    let live = drawn(&mut app, 80, 24);
    assert!(live[1].ends_with("live, back to 3.0 s ago"), "{}", live[1]);
    press(&mut app, "[[");
    visit(&mut app, 1);
    let past = drawn(&mut app, 80, 24);
    assert!(past[1].ends_with("Z, 2.0 s of 3.0 s BACK"), "{}", past[1]);
    assert!(past[0].contains("watching for 1.0 s"), "{}", past[0]);
    app.take(all[4].clone());
    let later = drawn(&mut app, 80, 24);
    assert!(later[1].ends_with("Z, 3.0 s of 4.0 s BACK"), "{}", later[1]);
    assert_eq!(past[2..], later[2..]);
    press(&mut app, " ");
    let back = drawn(&mut app, 80, 24);
    assert!(back[1].ends_with("live, back to 4.0 s ago"), "{}", back[1]);
    assert!(back[0].contains("watching for 4.0 s"), "{}", back[0]);
    // An answer that comes too late does not take the user away from now.
    visit(&mut app, 1);
    assert_eq!(drawn(&mut app, 80, 24), back);
}

/// The kernel knows nothing of the past.
#[test]
fn the_past_cannot_be_asked() {
    let mut app = app(host(), &demo());
    crate::go(&mut app, "zombies");
    press(&mut app, "[");
    visit(&mut app, 2);
    press(&mut app, "\n");
    assert_eq!(app.question(), None);
    assert!(has(
        &mut app,
        "no answer: the kernel can only be asked about now"
    ));
    assert!(!has(&mut app, "ask anew"));
}

/// A recording continues from where the user went.
#[test]
fn a_replay_continues_from_there() {
    let mut app = App::new(Setup {
        host: host(),
        is_replay: true,
        colour: false,
    });
    snapshots(&demo()).into_iter().for_each(|one| app.take(one));
    app.end();
    assert!(drawn(&mut app, 80, 24)[1].ends_with("Z END"));
    press(&mut app, "[");
    visit(&mut app, 3);
    let middle = drawn(&mut app, 80, 24);
    assert!(middle[1].ends_with("Z PAUSED"), "{}", middle[1]);
    press(&mut app, " ");
    assert!(drawn(&mut app, 80, 24)[1].ends_with("Z replay"));
    for (columns, rows) in crate::SIZES {
        let header = regions(&app, columns, rows).header.height;
        let lines = drawn(&mut app, columns, rows);
        let text = lines[..header.into()].join("\n") + "\n";
        compare(&format!("replay-middle-{columns}x{rows}"), &text);
    }
}

#[test]
fn w_writes_what_is_kept() {
    let mut app = app(host(), &demo());
    assert!(!app.wishes_recording());
    press(&mut app, "w");
    assert!(app.wishes_recording() && !app.wishes_recording());
    app.say("wrote x.rec: 5 samples");
    assert_eq!(drawn(&mut app, 80, 24)[23], "wrote x.rec: 5 samples");
}
