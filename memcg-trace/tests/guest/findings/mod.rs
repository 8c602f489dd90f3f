//! Findings: real hosts that have each one, and twins that have none.
//!
//! The finding about a small cache that is scanned more than its share has its test where the host
//! runs short of memory anyway (`reclaim/small.rs`).

mod blocked;
mod dead_weight;
mod fruitless;
mod load;
mod usage;

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;

use crate::contract::Record;
use crate::export::{Export, Frame};
use crate::host::{DEADLINE, now_ns};

/// All tests in one start of the tool.
#[test]
fn what_is_wrong_is_found_and_nothing_else() {
    let disk = blocked::Disk::new();
    let holes = disk.holes();
    let mut watch = Watch::start();
    load::is_even(&mut watch, &holes);
    usage::collapses_and_refills(&mut watch);
    usage::comes_near_its_limit(&mut watch);
    load::is_lopsided(&mut watch, &holes);
    blocked::in_a_shrinker(&mut watch, &disk);
    fruitless::scanning(&mut watch);
    dead_weight::is_reclaimed_from(&mut watch);
    watch.export.stop();
}

/// Reads every snapshot, since a finding is reported once and when it changes.
struct Watch {
    export: Export,
    /// All findings reported since the last check.
    told: Vec<Record>,
    /// Findings that were checked before: their updates and their end are no news.
    known: BTreeSet<String>,
}

impl Watch {
    fn start() -> Self {
        Self {
            export: Export::start(&[]),
            told: Vec::new(),
            known: BTreeSet::new(),
        }
    }

    fn next(&mut self) -> Frame {
        let frame = self.export.next();
        // Growth of zombies has a test of its own.
        let findings = frame.of_kind("finding");
        let ours = findings.filter(|one| one.data["kind"] != "zombie_growth");
        let ours = ours.filter(|one| !self.known.contains(&id(one)));
        self.told.extend(ours.cloned());
        frame
    }

    /// Reads snapshots until one has figures from after this call.
    fn fresh(&mut self) -> Frame {
        let now_ns = now_ns();
        loop {
            let frame = self.next();
            if frame.as_of_ns("memcg").is_some_and(|read| read > now_ns) {
                return frame;
            }
        }
    }

    /// Repeats `work` with every snapshot, until a finding of a kind is reported.
    fn until_found(&mut self, kind: &str, mut work: impl FnMut(&Frame)) -> Record {
        let begin = Instant::now();
        loop {
            let found = self.told.iter().find(|one| one.data["kind"] == kind);
            if let Some(found) = found {
                println!("{}", found.data["sentence"]);
                return found.clone();
            }
            let frame = self.next();
            assert!(
                begin.elapsed() < DEADLINE,
                "no {kind}: {:#?}",
                frame.records
            );
            work(&frame);
        }
    }

    /// Waits until a finding is over.
    fn until_over(&mut self, finding: &Record) {
        let begin = Instant::now();
        let is_over = |one: &Record| id(one) == id(finding) && one.data["resolved"] == true;
        while !self.told.iter().any(is_over) {
            assert!(
                begin.elapsed() < DEADLINE,
                "it is not over: {:?}",
                self.told
            );
            self.next();
        }
    }

    /// Checks that the findings reported since the last check are about these, each a kind and a
    /// path, and about nothing else.
    fn assert_told(&mut self, expected: &[(&str, Option<&str>)]) {
        let told = std::mem::take(&mut self.told);
        let mut about: Vec<_> = told.iter().map(about).collect();
        about.sort_unstable();
        about.dedup();
        assert_eq!(about, expected, "{told:#?}");
        self.known.extend(told.iter().map(id));
    }
}

fn id(finding: &Record) -> String {
    finding.data["finding_id"].as_str().unwrap().to_owned()
}

fn about(finding: &Record) -> (&str, Option<&str>) {
    (finding.data["kind"].as_str().unwrap(), finding.path())
}

/// A figure of a finding.
fn figure(finding: &Record, name: &str) -> u64 {
    let figure: &Value = &finding.data["figures"][name];
    figure
        .as_u64()
        .unwrap_or_else(|| panic!("{name}: {finding:?}"))
}
