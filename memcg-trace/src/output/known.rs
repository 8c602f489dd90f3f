//! Known bugs of the kernel, for people: the table, and what a host looks like.

use std::fmt::Write as _;

use super::fit;
use super::table::Style;
use crate::model::known::{self, About, Bug, Commits, Likeness};
use crate::model::snapshot::Snapshot;
use crate::sample::sanitized;

/// Columns of text where the output has none of its own.
const COLUMNS: usize = 80;

/// Writes the bugs that a snapshot looks like; nothing if there is none.
#[must_use]
pub fn seen(snapshot: &Snapshot, about: About, style: Style) -> String {
    let mut text = String::new();
    for likeness in known::likenesses(snapshot, about) {
        text.push('\n');
        for line in lines(&likeness) {
            let wrapped = match style.columns {
                Some(columns) => fit::wrapped(&line, columns, 4),
                None => vec![line],
            };
            for line in wrapped {
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
    }
    text
}

/// The lines about one bug.
#[must_use]
pub fn lines(likeness: &Likeness) -> Vec<String> {
    let bug = likeness.bug;
    vec![
        format!("looks like a known bug: {}", bug.title),
        format!("  seen: {}", sanitized(&likeness.seen)),
        format!("  fixed by: {}", fixed(bug)),
        format!("  until then: {}", bug.until_then),
        format!(
            "  a likeness is no proof; `memcg-trace known {}` prints what was compared",
            bug.key
        ),
    ]
}

/// The fixes, and the releases that have them.
fn fixed(bug: &Bug) -> String {
    let mut text = commits(bug.fixed_by);
    if !bug.fixed_by.list().is_empty() {
        let _ = match bug.fixed_in {
            [] => write!(text, "; releases: not looked up"),
            releases => write!(text, "; in {}", releases.join(", ")),
        };
    }
    text
}

/// Commits in a line.
#[must_use]
pub fn commits(commits: Commits) -> String {
    match commits {
        Commits::These(list) => {
            let list = list.iter();
            let named = list.map(|commit| format!("{} (\"{}\")", commit.id, commit.title));
            named.collect::<Vec<_>>().join(", ")
        }
        Commits::NoneKnown => "none is known".to_owned(),
        Commits::NotLookedUp => "not looked up".to_owned(),
    }
}

/// Writes rows of the table, with all that is known of each.
#[must_use]
pub fn table(bugs: &[&Bug], columns: Option<usize>) -> String {
    let columns = columns.unwrap_or(COLUMNS);
    let mut text = String::new();
    for bug in bugs {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "{}: {}", bug.key, bug.title);
        for (name, value) in facts(bug) {
            for (at, line) in value.lines().enumerate() {
                let line = match at {
                    0 => format!("  {name}: {line}"),
                    _ => format!("    {line}"),
                };
                for line in fit::wrapped(&line, columns, 4) {
                    let _ = writeln!(text, "{}", line.trim_end());
                }
            }
        }
    }
    text
}

/// Steps with their numbers.
#[must_use]
pub fn steps(steps: &[&str]) -> Vec<String> {
    let numbered = (1..).zip(steps);
    numbered.map(|(at, step)| format!("{at}. {step}")).collect()
}

/// The names and texts of all that is known of a bug.
#[must_use]
pub fn facts(bug: &Bug) -> Vec<(&'static str, String)> {
    let fixed_in = match bug.fixed_in {
        [] => "not looked up".to_owned(),
        releases => releases.join(", "),
    };
    let reports = match bug.reports {
        [] => "none".to_owned(),
        reports => reports.join("\n"),
    };
    let reproduce = match bug.reproduce {
        [] => "not known".to_owned(),
        steps => self::steps(steps).join("\n"),
    };
    vec![
        ("what", bug.what.to_owned()),
        ("compared", bug.shape.to_owned()),
        ("made by", commits(bug.made_by)),
        ("fixed by", commits(bug.fixed_by)),
        ("fixed in", fixed_in),
        ("history", bug.history.to_owned()),
        ("until then", bug.until_then.to_owned()),
        ("reproduce", reproduce),
        ("reports", reports),
    ]
}
