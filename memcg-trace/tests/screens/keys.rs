//! Keys: each works in every tab without harm.

use memcg_trace::sample::Sample;
use memcg_trace::tui::App;

use crate::fixture::pins::demo_with_pins;
use crate::fixture::{demo, evil_host, host, hostile};
use crate::{app, drawn, go, has, press, tabs};

#[test]
fn keys_do_what_the_help_says() {
    let mut app = app(host(), &demo());
    go(&mut app, "memcgs");
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
    go(&mut app, "slab");
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
    let check = |app: &mut App| {
        let is_hostile = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
        for line in drawn(app, 200, 50) {
            assert!(!line.contains(is_hostile), "{line:?}");
        }
    };
    // Every tab, and then a zombie.
    for tab in tabs(&mut app) {
        go(&mut app, &tab);
        check(&mut app);
    }
    go(&mut app, "zombies");
    for keys in ["\n", "G"] {
        press(&mut app, keys);
        check(&mut app);
    }
    assert!(
        drawn(&mut app, 200, 50)
            .join("\n")
            .contains("what would free it")
    );
}
