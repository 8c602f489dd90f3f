//! Why a removal is slow, a memory cgroup stays or a task is stuck.

use super::page::COLUMNS;
use super::{ending, header};
use crate::model::known::About;
use crate::model::snapshot::Snapshot;
use crate::model::why::Why;
use crate::output::table::Style;
use crate::output::{locks, why as text};
use crate::sample::recording::Host;
use crate::sample::sanitized;

/// Writes a timeline.
#[must_use]
pub fn why(snapshot: &Snapshot, why: &Why, host: &Host) -> String {
    const OF_A_TASK: &[About] = &[About::Waits];
    const OF_A_MEMCG: &[About] = &[About::Waits, About::Zombies];
    let (subject, about) = match &why.task {
        Some(task) => (format!("why task {} does not run on", task.tid), OF_A_TASK),
        None => (
            "why a memory cgroup does not go away".to_owned(),
            OF_A_MEMCG,
        ),
    };
    let mut page = header::start(&subject, snapshot, host);
    page.section("Timeline");
    let style = Style {
        columns: Some(COLUMNS),
        colour: false,
    };
    page.text(&text::answer(snapshot, why, style));
    for step in why.steps.iter().filter(|step| !step.stack.is_empty()) {
        page.empty();
        page.line(&sanitized(&step.text), 2);
        page.stack(&step.stack, None);
    }
    ending::end(page, snapshot, about, &locks::not_checked(snapshot))
}
