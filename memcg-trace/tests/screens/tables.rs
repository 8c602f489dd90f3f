//! Features of each table: bounds on figures, rows as JSON, the mouse.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use memcg_trace::sample::reclaim::{Cause, Stall};
use memcg_trace::tui::App;

use crate::fixture::pins::demo_with_pins;
use crate::fixture::waits::demo_with_deadlock;
use crate::fixture::{demo, host};
use crate::tabs::demo_with_findings;
use crate::{app, drawn, go, has, press, regions, shown, tabs};

fn point(app: &mut App, kind: MouseEventKind, column: u16, row: u16) {
    app.point(MouseEvent {
        kind,
        column,
        row,
        modifiers: KeyModifiers::NONE,
    });
}

const CLICK: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

#[test]
fn a_filter_can_bound_a_figure() {
    let mut app = app(host(), &demo());
    go(&mut app, "memcgs");
    press(&mut app, "/usage>8.5M\n");
    let found = ["/session-3.scope", "/session-4.scope"];
    assert!(found.iter().all(|path| has(&mut app, path)));
    assert!(!has(&mut app, "nginx.service"));
    press(&mut app, "\x1b/usage<5.5M ser\n");
    assert!(has(&mut app, "nginx.service") && has(&mut app, "cron.service"));
    assert!(!has(&mut app, "backup.service"), "it uses 6 MiB");
    assert!(!has(&mut app, "init.scope"), "the text must be there too");
    press(&mut app, "\x1b/nonsense>1\n");
    assert!(has(&mut app, "no row matches"));
}

#[test]
fn a_row_can_be_had_as_json() {
    for (tab, filter, key) in [
        (
            "memcgs",
            "nginx",
            "\"path\":\"/system.slice/nginx.service\"",
        ),
        ("slab", "dentry", "\"cache\":\"dentry\""),
        ("zombies", "session-3", "session-3.scope"),
        ("findings", "killed", "\"kind\":\"oom\""),
        ("origins", "session", "\"zombies\":2"),
    ] {
        let mut app = app(host(), &demo_with_findings());
        go(&mut app, tab);
        press(&mut app, &format!("/{filter}\nyy"));
        assert!(
            has(&mut app, "1 row will be printed as JSON on exit"),
            "{tab}"
        );
        let [row] = app.yanked() else {
            panic!("{tab}: {:?}", app.yanked());
        };
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let text = row.to_string();
        assert!(row.is_object() && text.contains(key), "{tab}: {text}");
    }
}

#[test]
fn the_mouse_selects_rows_and_tabs() {
    let mut app = app(host(), &demo());
    let all = tabs(&mut app);
    go(&mut app, "memcgs");
    // As wide as `shown` draws it: all tabs are in the bar.
    let bar = regions(&app, 200, 50).tabs.y;
    let line = drawn(&mut app, 200, 50)[usize::from(bar)].clone();
    for tab in &all {
        let column = line.find(tab.as_str()).unwrap();
        point(&mut app, CLICK, u16::try_from(column).unwrap(), bar);
        assert_eq!(shown(&mut app), *tab);
    }
    go(&mut app, "memcgs");
    let lines = drawn(&mut app, 80, 24);
    let row = lines
        .iter()
        .position(|line| line.contains("nginx"))
        .unwrap();
    point(&mut app, CLICK, 5, u16::try_from(row).unwrap());
    press(&mut app, "y");
    assert!(app.yanked()[0].contains("nginx.service"));
    point(&mut app, MouseEventKind::ScrollUp, 5, 5);
    press(&mut app, "y");
    assert!(app.yanked()[1].contains("cron.service"));
    // A click beside all rows changes nothing.
    point(&mut app, CLICK, 5, 23);
    point(&mut app, CLICK, 200, 200);
    press(&mut app, "y");
    assert_eq!(app.yanked().len(), 2);
}

/// The tab that is shown, and what the user types, are in the bar of a narrow screen.
#[test]
fn a_narrow_bar_has_what_matters() {
    let mut app = app(host(), &demo_with_deadlock());
    for tab in tabs(&mut app) {
        go(&mut app, &tab);
        press(&mut app, "/web");
        let bar = regions(&app, 60, 15).tabs.y;
        let line = drawn(&mut app, 60, 15)[usize::from(bar)].clone();
        assert!(line.ends_with("  /web_"), "{line}");
        press(&mut app, "\x1b");
        let line = drawn(&mut app, 60, 15)[usize::from(bar)].clone();
        assert!(line.contains(&format!("[{tab}]")), "{line}");
    }
}

/// The selected row of a large enough screen has pictures.
#[test]
fn the_selected_row_is_drawn() {
    let mut app = app(host(), &demo());
    for (tab, label) in [
        ("memcgs", "usage"),
        ("slab", "charged"),
        ("shrinkers", "priorities"),
        ("reclaim", "a wait"),
        ("locks", "its waits"),
    ] {
        go(&mut app, tab);
        let is_drawn = |lines: &[String]| lines.iter().any(|line| line.starts_with(label));
        assert!(is_drawn(&drawn(&mut app, 80, 24)), "{tab}");
        assert!(!is_drawn(&drawn(&mut app, 60, 15)), "{tab}");
        press(&mut app, "?");
        assert!(
            !is_drawn(&drawn(&mut app, 80, 24)),
            "{tab}: the help covers it"
        );
        press(&mut app, "\x1b");
    }
    go(&mut app, "memcgs");
    press(&mut app, "/nginx\n");
    assert!(has(&mut app, "5.0 MiB"));
}

/// Since when tasks wait for memory, and whose limit it is, also on a narrow screen.
#[test]
fn a_stall_says_since_when_and_whose_limit() {
    let mut app = app(host(), &demo());
    go(&mut app, "reclaim");
    let lines = drawn(&mut app, 80, 24);
    let has = |words: &str| lines.iter().any(|line| line.contains(words));
    assert!(has("since 14:13:20Z or before"), "{lines:#?}");
    assert!(has("memory.high of /system.slice"), "{lines:#?}");
    press(&mut app, "G");
    let lines = drawn(&mut app, 80, 24);
    let has = |words: &str| lines.iter().any(|line| line.contains(words));
    assert!(has("none ended in the last interval"), "{lines:#?}");
    assert!(has("of no memcg; cause: kswapd"), "{lines:#?}");
}

/// Sums have only waits that are over: a task that still waits is in none of them.
#[test]
fn a_task_that_still_waits_is_told_before_sums_of_those_that_do_not() {
    let mut samples = demo();
    let last = samples.last_mut().unwrap();
    let (mono_ns, reclaim) = (last.mono_ns, last.reclaim.as_mut().unwrap());
    reclaim.stalls.push(Stall {
        memcg_serial_nr: Some(3),
        cause: Cause::Kswapd,
        since_ns: mono_ns - 30_000_000_000,
        ..Stall::default()
    });
    for (unconfirmed, words) in [
        (false, "1 task now, the first since "),
        (true, "may be over"),
    ] {
        let reclaim = samples.last_mut().unwrap().reclaim.as_mut().unwrap();
        reclaim.stalls[0].unconfirmed = unconfirmed;
        let mut app = app(host(), &samples);
        go(&mut app, "reclaim");
        press(&mut app, "G");
        let lines = drawn(&mut app, 80, 24);
        assert!(lines.iter().any(|line| line.contains(words)), "{lines:#?}");
    }
}

/// Boxes of tasks, and arrows to whom they wait for.
#[test]
fn a_deadlock_is_drawn_as_a_ring() {
    let mut app = app(host(), &demo_with_deadlock());
    go(&mut app, "locks");
    press(&mut app, "\n");
    let lines = drawn(&mut app, 80, 60);
    let of_ring = |line: &&String| line.starts_with("┌▶│ ") || line.starts_with("│ │ ");
    let boxes: Vec<&String> = lines.iter().filter(of_ring).collect();
    assert_eq!(boxes.len(), 4, "{lines:#?}");
    assert!(boxes[0].starts_with("┌▶│ crasher[155] │"), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("└────┘")));
}

#[test]
fn all_advice_is_a_list_to_copy() {
    let mut none = app(host(), &demo());
    press(&mut none, "!");
    assert!(has(&mut none, "no answer so far has advice"));
    press(&mut none, "y");
    assert!(none.yanked().is_empty());
    let mut app = app(host(), &demo_with_pins());
    press(&mut app, "!");
    let lines = drawn(&mut app, 160, 40);
    let of_zombie = lines.iter().any(|line| line.starts_with("# /"));
    assert!(of_zombie, "{lines:#?}");
    press(&mut app, "y");
    assert!(has(&mut app, "the list will be printed on exit"));
    assert!(app.yanked().iter().any(|line| !line.starts_with('#')));
}
