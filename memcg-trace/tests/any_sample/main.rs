//! Recordings with arbitrary contents: on any samples the model and the views do not fail, and the
//! output is consistent.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod changes;
#[path = "../fixture/mod.rs"]
mod fixture;
mod samples;
#[expect(dead_code, reason = "only what checks records is needed here")]
#[path = "../schemas/mod.rs"]
mod schemas;

use std::collections::HashSet;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixture::{host, recorded, snapshots};
use memcg_trace::deadlock::{Edge, State};
use memcg_trace::model::slab_list::{self, Order, Totals};
use memcg_trace::model::snapshot::Snapshot;
use memcg_trace::model::why::{self, Seen, Target};
use memcg_trace::model::{abandoned, origins, zombies};
use memcg_trace::output::{
    document, dot, empties as by_use, locks as locks_text, ndjson::Ndjson, origins as by_origin,
    pins as pins_text, reclaim as reclaim_text, report, shrinkers as shrinkers_text,
    slab as slab_text, text, why as why_text, zombies as list,
};
use memcg_trace::sample::Text;
use memcg_trace::sample::recording::Reader;
use memcg_trace::sample::redact::Redactor;
use memcg_trace::sample::waits::Evidence;
use memcg_trace::tui::{App, Setup, draw};
use proptest::collection::vec;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use samples::sample;

/// Checks that every memcg is there once, below its parent, with the number of zombies below it.
fn check_tree(snapshot: &Snapshot) {
    let memcgs = &snapshot.memcgs.items;
    let mut seen = HashSet::new();
    for (at, memcg) in memcgs.iter().enumerate() {
        assert!(seen.insert(memcg.id.serial_nr), "listed twice");
        let below = memcgs[at + 1..]
            .iter()
            .take_while(|below| below.depth > memcg.depth);
        let zombies = below.filter(|below| below.phase.is_some()).count();
        assert_eq!(memcg.zombies, zombies as u64);
    }
    for row in &snapshot.slab.items {
        let is_listed = |serial_nr| seen.contains(serial_nr) || memcgs.is_empty();
        assert!(
            row.memcg
                .as_ref()
                .is_none_or(|memcg| is_listed(&memcg.serial_nr))
        );
    }
}

/// Checks that each ledger adds up, however large its figures are.
fn check_pins(snapshot: &Snapshot) {
    let mut seen = HashSet::new();
    for pins in &snapshot.pins.items {
        assert!(seen.insert(pins.zombie.serial_nr), "answered twice");
        assert_eq!(pins.unexplained_refs.is_some(), pins.found.refs.is_some());
        if let (Some(refs), Some(unexplained)) = (pins.found.refs, pins.unexplained_refs) {
            let sum = i128::from(pins.found_refs()) + i128::from(unexplained);
            let is_at_end = [i64::MIN, i64::MAX].contains(&unexplained);
            assert!(sum == i128::from(refs) || is_at_end);
        }
        assert!(!pins.sentence.is_empty());
    }
}

/// Checks that proofs contain no guess, and that every deadlock can be written.
fn check_deadlocks(snapshot: &Snapshot) {
    let mut seen = HashSet::new();
    for deadlock in &snapshot.deadlocks.items {
        let found = &deadlock.found;
        let is_resolved = deadlock.resolved_ns.is_some();
        assert!(is_resolved || seen.insert(found.cycle_id), "found twice");
        assert!((1..=found.edges.len()).contains(&found.cycle_edges));
        assert_eq!(found.state == State::Suspected, !found.missing.is_empty());
        if found.confirmed_ns.is_some() && found.state == State::Confirmed {
            let guesses = |edge: &Edge| edge.evidence == Evidence::Hint;
            assert!(!found.edges.iter().any(guesses), "{found:?}");
        }
        for edge in &found.edges {
            assert!(edge.from < found.members.len() && edge.to < found.members.len());
        }
    }
}

/// Checks that the walk can be shown in any order.
fn check_slab(snapshot: &Snapshot) {
    let mut held: Vec<_> = slab_list::held(snapshot).collect();
    for order in [
        Order::Share,
        Order::Utilization,
        Order::Waste,
        Order::Inherited,
        Order::Path,
    ] {
        held.sort_by(|a, b| order.compare(a, b));
    }
    let caches: Vec<_> = snapshot.slab_caches.items.iter().collect();
    let totals = Totals::of(snapshot, None);
    document::slab(snapshot, &held, &caches, &totals, &host()).unwrap();
    let view = slab_text::View {
        held: &held,
        caches: &caches,
        top: 3,
        cache: None,
        is_whole: true,
    };
    assert!(!slab_text::render(snapshot, &view, &host(), text::Style::default()).is_empty());
}

fn check_reclaim(snapshot: &Snapshot, style: text::Style) {
    let rows: Vec<_> = snapshot.reclaim.items.iter().collect();
    document::reclaim(snapshot, &rows, u64::MAX, &host()).unwrap();
    let reclaim = reclaim_text::render(snapshot, &host(), &rows, 0, u64::MAX, style);
    let rows: Vec<_> = snapshot.shrinkers.items.iter().collect();
    document::shrinkers(snapshot, &rows, 0, &host()).unwrap();
    let shrinkers = shrinkers_text::render(snapshot, &host(), &rows, 0, 0, style);
    for text in [reclaim, shrinkers] {
        let is_wild = |c: char| c.is_control() && c != '\n';
        assert!(!text.is_empty() && !text.contains(is_wild), "{text:?}");
    }
}

/// Checks that each memory cgroup and task has a timeline, and that a terminal survives it.
fn check_why(snapshot: &Snapshot, seen: &Seen, style: text::Style) {
    let memcgs = snapshot.memcgs.items.iter();
    let paths = memcgs.map(|memcg| zombies::Wanted::Path(memcg.id.path.clone()));
    let dead = snapshot.dying.iter().flat_map(|dying| &dying.cgroups);
    let numbers = dead.map(|dead| zombies::Wanted::Ino(dead.id.cgroup_id));
    let targets = paths.chain(numbers);
    let targets = targets.filter_map(|wanted| Target::find(snapshot, &wanted, seen).ok());
    let of_memcgs = targets.map(|target| why::of_memcg(snapshot, &target, seen));
    let of_tasks = (0..4).filter_map(|pid| why::of_task(snapshot, pid));
    for one in of_memcgs.chain(of_tasks) {
        assert!(!one.steps.is_empty() && !one.sentence.is_empty(), "{one:?}");
        document::why(snapshot, &one, &host()).unwrap();
        let text = why_text::render(snapshot, &one, &host(), style)
            + &report::why(snapshot, &one, &host());
        assert!(
            !text.contains(|c: char| c.is_control() && c != '\n'),
            "{text:?}"
        );
    }
}

/// Checks that each report is tame text.
fn check_reports(snapshot: &Snapshot) {
    let pins: Vec<_> = snapshot.pins.items.iter().collect();
    let held: Vec<_> = slab_list::held(snapshot).collect();
    let caches: Vec<_> = snapshot.slab_caches.items.iter().collect();
    let view = slab_text::View {
        held: &held,
        caches: &caches,
        top: 3,
        cache: None,
        is_whole: true,
    };
    for text in [
        report::locks(snapshot, &host()),
        report::pins(snapshot, &pins, &[], &host()),
        report::slab(snapshot, &view, &host()),
    ] {
        let is_wild = |c: char| c.is_control() && c != '\n';
        assert!(
            text.starts_with("Subject: ") && !text.contains(is_wild),
            "{text:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_samples_say(samples in vec(sample().boxed(), 1..6)) {
        let file = recorded(host(), &samples);
        let mut reader = Reader::open(&*file).unwrap();
        for sample in &samples {
            assert_eq!(reader.read_sample().unwrap().as_ref(), Some(sample));
        }

        let mut records = Ndjson::new(Vec::new(), host());
        let style = text::Style { columns: Some(60), colour: false };
        let mut app = App::new(Setup { host: host(), is_replay: true, colour: true });
        let mut terminal = Terminal::new(TestBackend::new(90, 12)).unwrap();
        let name = Text::from("a");
        let mut seen = Seen::new(Some(zombies::Wanted::Name(name)));
        for snapshot in snapshots(&samples) {
            seen.see(&snapshot);
            check_tree(&snapshot);
            check_pins(&snapshot);
            check_deadlocks(&snapshot);
            records.write(&snapshot).unwrap();
            assert!(!text::render(&snapshot, &host(), text::Style::default()).is_empty());
            document::memcgs(&snapshot, &host()).unwrap();
            let items: Vec<_> = snapshot.pins.items.iter().collect();
            document::pins(&snapshot, &items, &[], &host()).unwrap();
            assert!(!pins_text::render(&snapshot, &items, &[], &host(), style).is_empty());
            let origins = origins::list(&snapshot);
            let grouped: u64 = origins.iter().map(|one| one.zombies).sum();
            assert_eq!(snapshot.totals.zombies.unwrap_or(0), grouped);
            document::origins(&snapshot, &origins, 0, &host()).unwrap();
            assert!(!by_origin::render(&snapshot, &host(), &origins, 0, style).is_empty());
            let empties = abandoned::list(&snapshot, 5);
            document::empties(&snapshot, &empties, 3, &host()).unwrap();
            assert!(!by_use::render(&snapshot, &host(), &empties, 3, style).is_empty());
            let zombies = zombies::list(&snapshot);
            document::zombies(&snapshot, &zombies, &host()).unwrap();
            assert!(!list::render(&snapshot, &host(), &zombies, 0, None, style).is_empty());
            document::locks(&snapshot, &host()).unwrap();
            check_why(&snapshot, &seen, style);
            let waits = locks_text::render(&snapshot, &host(), style) + &dot::render(&snapshot);
            assert!(!waits.contains(|c: char| c.is_control() && c != '\n'), "{waits:?}");
            check_slab(&snapshot);
            check_reclaim(&snapshot, style);
            check_reports(&snapshot);
            app.take(snapshot);
            // Opens a zombie, if there is one, and then the next tab.
            for key in [KeyCode::Enter, KeyCode::End, KeyCode::Esc, KeyCode::Tab] {
                app.press(KeyEvent::new(key, KeyModifiers::NONE));
                terminal.draw(|frame| draw(frame, &app)).unwrap();
            }
        }
        let mut redactor = Redactor::default();
        let redacted: Vec<_> = samples.into_iter().map(|one| redactor.sample(one)).collect();
        for snapshot in snapshots(&redacted) {
            check_reports(&snapshot);
        }
    }
}
