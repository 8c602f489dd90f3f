//! A small cache that is scanned far more than its share, beside one that gets its share.

use std::time::Instant;

use crate::contract::Record;
use crate::export::{Export, Frame};
use crate::host::{DEADLINE, now_ns};
use crate::shrinker_module::Shrinkers;

/// The two caches, and the findings since they were made.
pub struct Caches {
    shrinkers: Shrinkers,
    told: Vec<Record>,
}

impl Caches {
    /// `None` where the module is not built.
    pub fn new() -> Option<Self> {
        let caches = Self {
            shrinkers: Shrinkers::load()?,
            told: Vec::new(),
        };
        caches.fill();
        Some(caches)
    }

    fn fill(&self) {
        self.shrinkers.have("more");
        self.shrinkers.have("share");
    }

    /// Reads the findings up to now.
    pub fn look(&mut self, export: &mut Export) -> Frame {
        let now_ns = now_ns();
        loop {
            let frame = export.next();
            let findings = frame.of_kind("finding");
            let ours = findings.filter(|one| one.data["kind"] == "small_cache_over_scan");
            self.told.extend(ours.cloned());
            if frame.as_of_ns("slab").is_some_and(|read| read > now_ns) {
                return frame;
            }
        }
    }

    /// Checks that there is a finding about the first cache, and none about the second. Reclaims a
    /// little until then.
    pub fn are_told_apart(mut self, export: &mut Export, mut reclaim: impl FnMut()) {
        let begin = Instant::now();
        let mut frame = self.look(export);
        while self.told.is_empty() {
            assert!(
                begin.elapsed() < DEADLINE,
                "not found: {:#?}",
                frame.records
            );
            // Pressure was not light until now, and may have left nothing: MGLRU begins at a middle
            // priority if there is much to reclaim.
            self.fill();
            reclaim();
            frame = self.look(export);
        }
        println!("{}", self.told[0].data["sentence"]);
        for one in &self.told {
            let figures = &one.data["figures"];
            assert_eq!(figures["shrinker"], "more_scan", "{one:?}");
            let [due, scanned] = ["due_objects", "scanned_objects"].map(|name| {
                let figure = figures[name].as_u64();
                figure.unwrap_or_else(|| panic!("{name}: {one:?}"))
            });
            assert!(scanned >= 1_000 && scanned > 4 * due, "{one:?}");
            assert_eq!(one.path(), Some("/"), "{one:?}");
        }
        let twins = frame
            .of_kind("shrinker")
            .filter(|row| row.data["shrinker"] == "share_scan");
        let scanned: u64 = twins.map(|row| row.number("scanned_objects_total")).sum();
        println!("the twin: {scanned} objects scanned");
        assert!(scanned > 0, "{:#?}", frame.records);
    }
}
