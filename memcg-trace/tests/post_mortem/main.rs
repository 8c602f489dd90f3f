//! The page of `report`: read as a browser reads it.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

#[path = "../fixture/mod.rs"]
mod fixture;
mod html;
mod spans;
mod strangers;
#[expect(dead_code, reason = "only what runs the program is needed here")]
#[path = "../tool/mod.rs"]
mod tool;
mod trace;

use std::fs;
use std::path::{Path, PathBuf};

use fixture::slab_walk::demo_with_slab;
use fixture::waits::demo_with_deadlock;
use fixture::{host, oom_kill, pins};
use html::Page;
use tool::{recording, run, stderr, stdout};

/// The page of a recording, checked.
fn page(recording: &str, args: &[&str]) -> (String, Page) {
    let output = run(&[&["report", recording], args].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let html = stdout(&output);
    let page = Page::read(&html);
    page.check();
    (html, page)
}

fn has_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text}\nlacks {part:?}");
    }
}

fn recordings() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut all: Vec<_> =
        (paths.filter(|path| path.extension().is_some_and(|it| it == "rec"))).collect();
    all.sort();
    assert!(all.len() >= 10, "{all:?}");
    all
}

/// Recordings of real kernels make pages that load nothing, and the same bytes each time.
#[test]
fn each_recording_has_a_page() {
    for path in recordings() {
        let path = path.to_str().unwrap();
        let (html, page) = page(path, &[]);
        has_all(
            &page.text,
            &[
                "Verdict",
                "Timelines",
                "Findings",
                "Zombies",
                "Slab",
                "Waits for memory",
                "Shrinkers",
                "Waits between tasks",
                "Losses and gaps",
                "Kernel",
            ],
        );
        let (again, _) = self::page(path, &[]);
        assert!(html == again, "{path} has another page each time");
        // Nothing is fetched, whatever follows.
        for loading in [
            "http:", "https:", "url(", "@import", "src=", "<script", "<link",
        ] {
            assert!(!html.contains(loading), "{path} has {loading}");
        }
    }
}

#[test]
fn a_deadlock_is_drawn_and_proven() {
    let path = recordings().into_iter();
    let mut path = path.filter(|path| path.ends_with("report-coredump-6.12.rec"));
    let (_, page) = page(path.next().unwrap().to_str().unwrap(), &[]);
    has_all(
        &page.text,
        &[
            "BAD",
            "A deadlock of ",
            "is proven, first at ",
            "It stands at the end.",
            "D1, proven: ",
            "wait for each other for ever",
            "Proof of D1, as of ",
            "stack, the innermost function first:",
            "owner word 0x",
            "looks like a known bug",
        ],
    );
    let drawings = page.all("svg");
    let graphs = drawings.filter(|svg| svg.attributes.get("class").is_some_and(|it| it == "graph"));
    assert_eq!(graphs.count(), 1);
}

#[test]
fn what_was_gone_at_the_end_is_there() {
    let mut samples = demo_with_deadlock();
    let mut after = samples.last().unwrap().clone();
    after.mono_ns += 2 * fixture::SECOND;
    after.unix_ns += 2_000_000_000;
    let last = fixture::waits::answered(9, fixture::waits::Host::default().seen());
    after.waits = last.waits;
    samples.push(after);
    let path = recording("post-mortem-gone", host(), &samples);
    let (_, page) = page(&path, &[]);
    has_all(
        &page.text,
        &["A deadlock of ", "It was gone at ", "; gone at "],
    );
}

/// A recording that has more samples without another look at waits: nothing is said of its end.
#[test]
fn what_was_not_looked_at_again_does_not_stand_at_the_end() {
    let mut samples = demo_with_deadlock();
    let mut after = samples.last().unwrap().clone();
    after.mono_ns += 600 * fixture::SECOND;
    after.unix_ns += 600_000_000_000;
    after.waits = None;
    samples.push(after);
    let path = recording("post-mortem-no-look", host(), &samples);
    let (_, page) = page(&path, &[]);
    has_all(
        &page.text,
        &[
            "A deadlock of ",
            "It stood when waits were last looked at, at ",
        ],
    );
    assert!(!page.text.contains("stands at the end"), "{}", page.text);
}

/// Each figure that is drawn is in a table, too, and what is not known is said.
#[test]
fn figures_are_drawn_and_listed() {
    let path = recording("post-mortem-slab", host(), &demo_with_slab());
    let (_, page) = page(&path, &[]);
    let drawn = |class: &str| {
        let has = |one: &&html::Element| one.attributes.get("class").is_some_and(|it| it == class);
        page.elements.iter().filter(has).count()
    };
    let plots = drawn("plot");
    assert!(plots >= 4, "{plots} plots");
    assert!(drawn("hover") >= plots);
    has_all(
        &page.text,
        &[
            "Values of dead memory cgroups",
            "In steps of ",
            "2026-09-21 14:13:20Z",
            "Slab by memory cgroup and cache",
            "Caches",
            "What the columns mean",
            "nginx.service",
        ],
    );
}

#[test]
fn zombies_have_origins_and_ledgers() {
    let path = recording("post-mortem-pins", host(), &pins::demo_with_pins());
    let (_, page) = page(&path, &[]);
    has_all(
        &page.text,
        &[
            "Zombies by origin",
            "/system.slice/backup.service",
            "Ledger of one of them, /system.slice/backup.service",
            "unexplained",
            "what would free it",
        ],
    );
}

/// A finding is in the list with its time, and all plots mark it.
#[test]
fn findings_have_times_and_marks() {
    let mut samples = fixture::demo();
    let kill_ns = samples[2].mono_ns;
    samples[2].oom_kills = Some(vec![oom_kill(kill_ns, 5)]);
    let path = recording("post-mortem-oom", host(), &samples);
    let (_, page) = page(&path, &[]);
    has_all(
        &page.text,
        &[
            "BAD",
            "\nF1\n",
            "\noom\n",
            "\ncritical\n",
            "14:13:21Z",
            "Figures of F1, oom",
        ],
    );
    let marks = page.elements.iter();
    let marks = marks.filter(|one| one.attributes.get("class").is_some_and(|it| it == "mark"));
    assert!(marks.count() >= 4);
}

/// However long the recording is, the page has as many steps.
#[test]
fn a_long_recording_has_no_longer_page() {
    let of = |count: u64| {
        let samples = (0..count).map(|second| fixture::walked(second, fixture::demo_rows()));
        let samples: Vec<_> = samples.collect();
        let path = recording(&format!("post-mortem-{count}"), host(), &samples);
        page(&path, &[]).0.len()
    };
    let (short, long) = (of(240), of(3_000));
    assert!(long < 2 * short, "{short} and {long} bytes");
}
