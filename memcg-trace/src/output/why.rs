//! A timeline, for people: the cause in one line, then the steps, each with its time.

use std::fmt::Write as _;

use super::table::Style;
use super::{fit, names, text};
use crate::deadlock::words;
use crate::model::snapshot::Snapshot;
use crate::model::why::{State, Step, When, Why};
use crate::sample::recording::Host;
use crate::sample::sanitized;
use crate::units;

/// Columns of the time of a step.
const TIME: usize = 20;
/// Columns by which a cause is further right than its effect.
const DEEPER: usize = 2;
/// Depth from which on steps are no further right.
const DEEPEST: usize = 12;

/// Writes a timeline.
#[must_use]
pub fn render(snapshot: &Snapshot, why: &Why, host: &Host, style: Style) -> String {
    let mut out = String::new();
    line(&mut out, &text::heading(snapshot, host), 2, style);
    out += &answer(snapshot, why, style);
    out
}

/// Writes a timeline without the heading.
#[must_use]
pub fn answer(snapshot: &Snapshot, why: &Why, style: Style) -> String {
    let mut out = String::new();
    line(
        &mut out,
        &format!("{}: {}", subject(why), sanitized(&why.sentence)),
        4,
        style,
    );
    if why.others > 0 {
        let others = units::things(why.others, "other dead memory cgroup");
        let text = format!("{others} of the same path: `zombies` has their css:N");
        line(&mut out, &text, 4, style);
    }
    out.push('\n');
    for step in &why.steps {
        out += &one(step, snapshot.mono_ns, style);
    }
    let judged = snapshot.judged.iter();
    for open in judged.flat_map(|judged| &judged.not_checked) {
        let text = format!(
            "not checked: {}: {}",
            sanitized(&open.what),
            sanitized(&open.reason)
        );
        line(&mut out, &text, 4, style);
    }
    out
}

/// Writes one step.
#[must_use]
pub fn one(step: &Step, now_ns: u64, style: Style) -> String {
    let depth = usize::try_from(step.depth).unwrap_or(DEEPEST).min(DEEPEST);
    let indent = " ".repeat(depth * DEEPER);
    let time = fit::pad(&time(step, now_ns), TIME, true);
    let mut out = String::new();
    let text = format!("{time}  {indent}{}", sanitized(&step.text));
    line(&mut out, &text, TIME + 2 + indent.len() + 2, style);
    out
}

fn subject(why: &Why) -> String {
    match (&why.task, &why.memcg) {
        (Some(task), Some(memcg)) => {
            format!("{} of {}", words::task(task), names::path(Some(memcg)))
        }
        (Some(task), None) => words::task(task),
        (None, Some(memcg)) if memcg.css_id != 0 => {
            format!("{} (css:{})", names::path(Some(memcg)), memcg.css_id)
        }
        (None, memcg) => names::path(memcg.as_deref()),
    }
}

/// The time of a step: `3.0 s ago`, `4.0 s to 3.0 s ago`, `for 2.0 s`, `now`, `to come` or `?`.
fn time(step: &Step, now_ns: u64) -> String {
    let ago = |ns: u64| units::duration(Some(now_ns.saturating_sub(ns)));
    match (step.when, step.state) {
        (
            When {
                at_ns: Some(at_ns), ..
            },
            _,
        ) => format!("{} ago", ago(at_ns)),
        (
            When {
                for_ns: Some(for_ns),
                ..
            },
            _,
        ) => {
            format!("for {}", units::duration(Some(for_ns)))
        }
        (
            When {
                after_ns: Some(after_ns),
                before_ns: Some(before_ns),
                ..
            },
            State::Now,
        ) => format!("for {} to {}", ago(before_ns), ago(after_ns)),
        (
            When {
                after_ns: Some(after_ns),
                before_ns: Some(before_ns),
                ..
            },
            _,
        ) => format!("{} to {} ago", ago(after_ns), ago(before_ns)),
        (
            When {
                after_ns: Some(after_ns),
                ..
            },
            _,
        ) => format!("{} ago or less", ago(after_ns)),
        (_, State::Now) => "now".to_owned(),
        (_, State::ToCome) => "to come".to_owned(),
        (_, State::Done | State::NotKnown) => "?".to_owned(),
    }
}

/// Appends a line, wrapped to the screen if there is one; the lines after the first are indented.
fn line(out: &mut String, text: &str, indent: usize, style: Style) {
    let lines = match style.columns {
        Some(columns) => fit::wrapped(text, columns, indent),
        None => vec![text.to_owned()],
    };
    for line in lines {
        let _ = writeln!(out, "{}", line.trim_end());
    }
}
