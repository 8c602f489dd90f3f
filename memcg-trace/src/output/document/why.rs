//! The document of a timeline.

use std::borrow::Cow;

use serde::Serialize;

use super::{Document, NotChecked, memcg_gaps, of_snapshot};
use crate::model::snapshot::Snapshot;
use crate::model::why::{State, Why};
use crate::output::figures::Object;
use crate::output::records::{MemcgName, Section, Task, WhyStep, losses};
use crate::sample::recording::Host;
use crate::sample::sanitized;

#[derive(Debug, Serialize)]
struct WhySummary<'a> {
    memcg: MemcgName<'a>,
    task: Option<Object<Task<'a>>>,
    sentence: Cow<'a, str>,
    /// Other dead memory cgroups of the same path.
    others: u64,
    /// Steps that are not known.
    not_known: u64,
}

/// The timeline of a memory cgroup or a task.
///
/// # Errors
/// Never for what a model made.
pub fn why(snapshot: &Snapshot, why: &Why, host: &Host) -> serde_json::Result<Vec<u8>> {
    let memcg = why.memcg.as_deref();
    let steps = why.steps.iter();
    let not_known = steps.filter(|step| step.state == State::NotKnown);
    let judged = snapshot.judged.iter();
    let gaps = judged.flat_map(|judged| &judged.not_checked);
    let gaps = gaps.map(|one| NotChecked {
        what: &one.what,
        reason: sanitized(&one.reason),
    });
    let document = Document {
        summary: WhySummary {
            memcg: MemcgName::of(memcg),
            task: why.task.as_ref().map(|task| Object(Task::of(task, memcg))),
            sentence: sanitized(&why.sentence),
            others: why.others,
            not_known: not_known.count() as u64,
        },
        items: why.steps.iter().map(WhyStep::from).collect(),
        not_checked: memcg_gaps(snapshot).into_iter().chain(gaps).collect(),
        sections: vec![
            Section::of(&snapshot.memcgs),
            Section::of(&snapshot.waits),
            Section::of(&snapshot.pins),
        ],
        losses: losses(snapshot),
    };
    of_snapshot("why", snapshot, host, document)
}
