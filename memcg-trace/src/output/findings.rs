//! One finding with all its figures, for people.

use std::fmt::Write as _;

use super::{figures, fit, names};
use crate::model::snapshot::{Figure, Figures, Finding, Growth, UNLIMITED_BYTES};
use crate::units;

/// Width of the column of names.
const NAMES: usize = 20;

/// Writes a finding and its figures, in lines of at most `columns` columns.
#[must_use]
pub fn one(finding: &Finding, now_ns: u64, columns: usize) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        let _ = writeln!(text, "{}", fit::cut_end(line, columns));
    };
    let memcg = finding.memcg.as_deref();
    if memcg.is_some() {
        line(&names::path(memcg));
    }
    let ago = |ns: u64| units::duration(Some(now_ns.saturating_sub(ns)));
    let state = match finding.resolved {
        true => format!("over since {}", ago(finding.last_ns)),
        false => "in progress".to_owned(),
    };
    line(&format!(
        "{} {}, began {} ago, {state}",
        finding.severity.as_str(),
        finding.kind.as_str(),
        ago(finding.first_ns),
    ));
    line("");
    for part in fit::wrapped(&finding.sentence, columns, 2) {
        line(&part);
    }
    line("");
    text += &figure_lines(finding, columns);
    text
}

/// Writes the figures of a finding, in lines of at most `columns` columns.
#[must_use]
pub(super) fn figure_lines(finding: &Finding, columns: usize) -> String {
    let mut text = String::new();
    for (name, values) in named(&finding.figures) {
        let names = std::iter::once(name).chain(std::iter::repeat(""));
        for (name, value) in names.zip(values) {
            let line = format!("{} {value}", fit::pad(name, NAMES, false));
            let _ = writeln!(text, "{}", fit::cut_end(&line, columns));
        }
    }
    text
}

/// Figures by name, one a line.
fn named(figures: &Figures) -> Vec<(&'static str, Vec<String>)> {
    match figures {
        Figures::Growth(growth) => of_growth(growth),
        Figures::Named(all) => {
            let all = all
                .iter()
                .map(|(name, figure)| (*name, values(name, figure)));
            all.collect()
        }
    }
}

fn of_growth(growth: &Growth) -> Vec<(&'static str, Vec<String>)> {
    [
        "survivors",
        "grown",
        "gone",
        "births",
        "deaths",
        "grown_per_sec",
        "own_cost_bytes",
        "creator_comm",
    ]
    .map(|key| (key, vec![figures::cell(growth, key)]))
    .into()
}

/// The figure in the unit that its name ends in.
fn values(name: &str, figure: &Figure) -> Vec<String> {
    match figure {
        Figure::Unknown => vec![units::UNKNOWN.to_owned()],
        Figure::Count(count) if name.ends_with("_bytes") => {
            vec![units::limit(Some(*count), UNLIMITED_BYTES)]
        }
        Figure::Count(count) if name.ends_with("_ns") => vec![units::duration(Some(*count))],
        // Thread ids are no quantities.
        Figure::Count(count) if name.ends_with("pid") || name.ends_with("tid") => {
            vec![count.to_string()]
        }
        Figure::Count(count) => vec![units::count(Some(*count))],
        Figure::Text(text) => vec![text.clone()],
        Figure::Texts(texts) => texts.clone(),
    }
}
