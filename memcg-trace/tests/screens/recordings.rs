//! Screens of recordings of real kernels, at their ends, and of hosts with much of one thing.

use std::path::Path;

use memcg_trace::sample::Memcg;
use memcg_trace::tui::App;

use crate::fixture::{ROOT, evil_host, hostile, memcg, root, walked, zombie};
use crate::replayed::replayed;
use crate::{SIZES, app, check, go, press};

/// The screen of `replay` at the end of a recording that is kept.
fn kept(name: &str) -> App {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    replayed(&path.join(name))
}

#[test]
fn a_demo() {
    for (columns, rows) in SIZES {
        let mut app = kept("demo-6.12.rec");
        check("recording-overview", &mut app, columns, rows);
        go(&mut app, "memcgs");
        check("recording", &mut app, columns, rows);
    }
}

#[test]
fn four_tasks_in_a_deadlock() {
    for (columns, rows) in SIZES {
        let mut app = kept("deadlock-6.12.rec");
        check("recording-deadlock-overview", &mut app, columns, rows);
        go(&mut app, "locks");
        check("recording-deadlock", &mut app, columns, rows);
        press(&mut app, "\n");
        check("recording-deadlock-all", &mut app, columns, rows);
    }
}

#[test]
fn ten_thousand_zombies() {
    let slice = memcg(2, ROOT, "batch.slice");
    let dead = |serial_nr| Memcg {
        lru_pages: Some(3),
        own_cost_bytes: Some(70_000),
        ..zombie(serial_nr, 2, &*format!("job-{serial_nr}.scope"), 2)
    };
    let rows = [root(), slice].into_iter().chain((3..10_003).map(dead));
    let rows: Vec<Memcg> = rows.collect();
    let samples = [walked(0, rows.clone()), walked(1, rows)];
    for (columns, rows) in SIZES {
        let mut app = app(crate::fixture::host(), &samples);
        check("many-overview", &mut app, columns, rows);
        go(&mut app, "origins");
        check("many-origins", &mut app, columns, rows);
    }
}

#[test]
fn hostile_names() {
    for (columns, rows) in SIZES {
        let mut app = app(evil_host(), &hostile());
        check("hostile-overview", &mut app, columns, rows);
        go(&mut app, "memcgs");
        check("hostile-memcgs", &mut app, columns, rows);
    }
}
