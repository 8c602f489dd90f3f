//! The screen around the tabs: the header, the tab bar, the keys, and missing sections.

use memcg_trace::sample::{Absent, Loss, Sample};
use memcg_trace::tui::App;

use crate::fixture::pins::demo_with_pins;
use crate::fixture::waits::demo_with_deadlock;
use crate::fixture::{demo, host, snapshots};
use crate::{SIZES, app, check, compare, drawn, go, press, regions, tabs};

/// The whole screen but the body.
fn chrome(app: &mut App, columns: u16, rows: u16) -> Vec<String> {
    let body = regions(app, columns, rows).body;
    let mut lines = drawn(app, columns, rows);
    lines.drain(usize::from(body.top())..body.bottom().into());
    lines
}

/// The header and the footer: the tab bar is in the chrome of every tab.
fn compare_header_and_footer(name: &str, app: &mut App, columns: u16, rows: u16) {
    let mut lines = chrome(app, columns, rows);
    lines.remove(regions(app, columns, rows).tabs.y.into());
    compare(name, &(lines.join("\n") + "\n"));
}

/// One file has the tab bars of all tabs, so that a new tab changes no other file.
#[test]
fn the_chrome_of_every_tab_at_each_size() {
    let mut text = String::new();
    for (columns, rows) in SIZES {
        let mut app = app(host(), &demo_with_pins());
        for tab in tabs(&mut app) {
            go(&mut app, &tab);
            text += &format!("-- {tab}, {columns}x{rows}\n");
            text += &(chrome(&mut app, columns, rows).join("\n") + "\n");
        }
    }
    compare("chrome", &text);
}

#[test]
fn a_filter_and_what_enter_opened_have_their_own_keys() {
    let mut app = app(host(), &demo_with_pins());
    go(&mut app, "zombies");
    press(&mut app, "/backup");
    let footer = chrome(&mut app, 80, 24).pop();
    assert_eq!(footer.unwrap(), "Enter keep the filter  Esc clear it");
    press(&mut app, "\n\n");
    let footer = chrome(&mut app, 80, 24).pop();
    let keys = "q quit  ? help  Esc back  r ask anew  Up Down scroll";
    assert_eq!(footer.unwrap(), keys);
}

/// The header line of a deadlock pushes everything else down.
#[test]
fn a_deadlock_has_a_banner() {
    for (columns, rows) in SIZES {
        let mut app = app(host(), &demo_with_deadlock());
        let header = regions(&app, columns, rows).header;
        assert_eq!(header.height, 4);
        let text = chrome(&mut app, columns, rows)[..4].join("\n") + "\n";
        compare(&format!("banner-{columns}x{rows}"), &text);
    }
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
    for tab in ["memcgs", "slab"] {
        go(&mut app, tab);
        compare_header_and_footer(&format!("little-chrome-{tab}"), &mut app, 80, 24);
        check(&format!("little-{tab}"), &mut app, 80, 24);
    }
}

#[test]
fn losses_are_loud() {
    let mut samples = demo();
    samples[4].losses[0].lost_total = Some(12_345);
    let screen = drawn(&mut app(host(), &samples), 60, 12);
    assert!(screen[0].contains(" LOST 12.3k of "), "{}", screen[0]);
}

#[test]
fn a_paused_screen_stays_and_then_catches_up() {
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
