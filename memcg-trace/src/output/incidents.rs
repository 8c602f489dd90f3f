//! The recordings of incidents in a folder, for people.

use std::fmt::Write as _;

use super::fit;
use crate::sample::incident::{Listed, Recorded, Wholeness};
use crate::sample::sanitized;
use crate::units;

/// Columns of text where the output has none of its own.
const COLUMNS: usize = 80;

/// Writes the list, the oldest first, and what could not be read.
#[must_use]
pub fn render(listed: &Listed, columns: Option<usize>) -> String {
    let columns = columns.unwrap_or(COLUMNS);
    let mut text = String::new();
    for recorded in &listed.recordings {
        for (line, indent) in lines(recorded).into_iter().zip([4, 6, 6, 6]) {
            for line in fit::wrapped(&line, columns, indent) {
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
    }
    if listed.recordings.is_empty() {
        let _ = writeln!(text, "no recording of an incident was found");
    }
    for one in &listed.not_read {
        let (file, why) = (one.file.display(), sanitized(&one.why));
        let _ = writeln!(text, "not read: {file}: {why}");
    }
    if listed.other_files > 0 {
        let others = units::things(listed.other_files, "file");
        let _ = writeln!(text, "{others} of other names");
    }
    text
}

fn lines(recorded: &Recorded) -> Vec<String> {
    let incident = &recorded.incident;
    let cause = match &incident.finding {
        Some(kind) => sanitized(kind).into_owned(),
        None => incident.cause.as_str().to_owned(),
    };
    let time = units::time(incident.unix_ns);
    let after = match recorded.after_ns {
        Some(ns) => units::duration(Some(ns)),
        None => "nothing".to_owned(),
    };
    let mut lines = vec![
        format!("{time} {cause}: {}", sanitized(&incident.sentence)),
        format!(
            "  {}: {} before and {after} after, {}, {}, {}",
            recorded.file.display(),
            units::duration(recorded.before_ns),
            units::things(recorded.samples, "sample"),
            units::bytes(Some(recorded.size_bytes)),
            state(recorded.wholeness),
        ),
    ];
    lines.extend((incident.short.iter()).map(|why| {
        let wanted = units::duration(Some(incident.wanted_before_ns));
        format!("  less than {wanted} before: {}", sanitized(why))
    }));
    lines.extend(
        recorded
            .why
            .iter()
            .map(|why| format!("  {}", sanitized(why))),
    );
    lines
}

fn state(wholeness: Wholeness) -> &'static str {
    match wholeness {
        Wholeness::Whole => "whole",
        Wholeness::BeingWritten => "being written",
        Wholeness::CutOff => "cut off",
        Wholeness::Damaged => "damaged",
    }
}
