//! Spans, which have a start and may still be in progress: after storms in which the tool was
//! started, stopped and left behind none may remain; and real ones stay visible.

mod real;
mod storms;

use std::collections::BTreeSet;

use crate::export::Frame;

/// Spans that a snapshot has as in progress.
fn open(frame: &Frame) -> Vec<String> {
    let waits = frame
        .of_kind("lock_wait")
        .map(|wait| format!("{:?}", wait.data));
    let stats = frame.of_kind("lock_stats");
    let holds = stats.flat_map(|lock| lock.data["holds"].as_array().into_iter().flatten());
    let holders = holds.flat_map(|hold| hold["holders"].as_array().unwrap());
    let stalls = frame.of_kind("reclaim");
    let stalls = stalls.flat_map(|row| row.data["stalled_now"].as_array().unwrap());
    let others = holders.chain(stalls).map(ToString::to_string);
    waits.chain(others).collect()
}

/// Findings of blocked shrinkers that were reported and not resolved.
#[derive(Default)]
struct Told(BTreeSet<String>);

impl Told {
    fn hear(&mut self, frame: &Frame) {
        let found = frame.of_kind("finding");
        for one in found.filter(|one| one.data["kind"] == "blocked_shrinker") {
            let id = one.data["finding_id"].as_str().unwrap();
            match one.data["resolved"] == true {
                true => self.0.remove(id),
                false => self.0.insert(id.to_owned()),
            };
        }
    }
}
