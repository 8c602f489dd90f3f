//! A deadlock as a drawing: boxes of tasks, and arrows to those that they wait for.

use super::fit;
use crate::deadlock::{Deadlock, words};
use crate::units;

/// The most tasks of a drawing; of others only the number is said.
const MAX_TASKS: usize = 12;

/// The shortest cycle of a deadlock, in lines of at most so many columns.
#[must_use]
pub fn lines(deadlock: &Deadlock, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let edges = deadlock.edges.iter().take(deadlock.cycle_edges);
    let edges: Vec<_> = edges.collect();
    for (at, edge) in edges.iter().take(MAX_TASKS).enumerate() {
        let Some(task) = deadlock.members.get(edge.from) else {
            continue;
        };
        let wait = words::wait(&edge.resource, edge.mode, edge.is_retry);
        let room = columns.saturating_sub(8).max(1);
        let name = fit::cut_end(&words::task(task), room);
        let bar = "─".repeat(fit::width(&name) + 2);
        let (top, middle) = match at {
            0 => (' ', "┌▶"),
            _ => ('│', "│ "),
        };
        lines.push(format!("{top} ┌{bar}┐"));
        lines.push(format!("{middle}│ {name} │"));
        lines.push(format!(
            "│ └──┬{}┘",
            "─".repeat(fit::width(&bar).saturating_sub(3))
        ));
        let wait = fit::cut_end(&wait, columns.saturating_sub(7).max(1));
        let is_last = at + 1 == edges.len();
        match is_last {
            true => lines.push(format!("└────┘ {wait}")),
            false => {
                lines.push(format!("│    │ {wait}"));
                lines.push("│    ▼".to_owned());
            }
        }
    }
    if let Some(more @ 1..) = edges.len().checked_sub(MAX_TASKS) {
        lines.push(format!(
            "└──── … and {}",
            units::things(more as u64, "task")
        ));
    }
    lines
}
