//! The graph of waits, for graphviz.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::names;
use crate::deadlock::words;
use crate::model::snapshot::Snapshot;

/// Tasks are boxes and resources ellipses. Edges lead from a waiter to the resource, and from there
/// to its holder. A confirmed deadlock is red.
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    let confirmed = snapshot
        .deadlocks
        .items
        .iter()
        .filter(|one| one.is_confirmed());
    let members = confirmed.flat_map(|one| &one.found.members);
    let members: HashSet<u32> = members.map(|task| task.tid).collect();
    let mut text = "digraph waits {\n  node [fontname=\"monospace\"];\n".to_owned();
    let mut drawn: HashSet<String> = HashSet::new();
    let mut node = |text: &mut String, id: &str, label: &str, shape: &str, is_red: bool| {
        if drawn.insert(id.to_owned()) {
            let red = if is_red { ", color=red" } else { "" };
            let label = quoted(label);
            let _ = writeln!(text, "  {id} [label={label}, shape={shape}{red}];");
        }
    };
    let mut edges: HashSet<String> = HashSet::new();
    for wait in &snapshot.waits.items {
        let (Some(fact), Some(task), Some(resource)) = (wait.fact(), wait.task(), wait.resource())
        else {
            continue;
        };
        let (from, what) = (format!("t{}", task.tid), format!("r{}", fact.resource));
        let is_red = members.contains(&task.tid);
        let label = match names::state(task.state) {
            Some(state) => format!("{} {state}", words::task(task)),
            None => words::task(task),
        };
        node(&mut text, &from, &label, "box", is_red);
        node(
            &mut text,
            &what,
            &words::resource(resource),
            "ellipse",
            false,
        );
        let waits = words::wait(resource, fact.mode, fact.retry.is_some());
        let _ = writeln!(text, "  {from} -> {what} [label={}];", quoted(&waits));
        for (_, holder) in wait.holders() {
            let to = format!("t{}", holder.tid);
            let is_red = members.contains(&holder.tid);
            node(&mut text, &to, &words::task(holder), "box", is_red);
            if edges.insert(format!("{what} {to}")) {
                let _ = writeln!(text, "  {what} -> {to} [style=dashed];");
            }
        }
    }
    text.push_str("}\n");
    text
}

/// A quoted string of graphviz.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
