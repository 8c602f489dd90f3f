//! A figure over time: a drawing, a sentence, and the same values as a table.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::clock::Clock;
use crate::output::plotted::Plotted;
use crate::output::timeline::{Range, Seen};
use crate::units::{self, UNKNOWN};

/// Sizes in tenths of a pixel, so that all coordinates are whole.
const WIDTH: u64 = 7200;
const HEIGHT: u64 = 1600;
const LEFT: u64 = 850;
const RIGHT: u64 = 100;
const TOP: u64 = 220;
const BOTTOM: u64 = 240;
const GRAPH_WIDTH: u64 = WIDTH - LEFT - RIGHT;
const GRAPH_HEIGHT: u64 = HEIGHT - TOP - BOTTOM;

/// A moment that all plots mark.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// A word that the rest of the page has as well.
    pub(super) label: String,
    pub(super) at_ns: u64,
    pub(super) title: String,
}

/// The steps of a figure, and what is marked.
pub(super) struct Plot<'a> {
    pub(super) of: &'a Plotted,
    pub(super) steps: &'a [(u64, Seen)],
    pub(super) step_ns: u64,
    pub(super) marks: &'a [Mark],
    pub(super) clock: Clock,
}

impl Plot<'_> {
    pub(super) fn markup(&self) -> Markup {
        let known = self.known();
        let Some(most) = known.iter().map(|(_, range)| range.most).max() else {
            return html! {
                figure {
                    h3 id=(self.id("title")) { (self.of.title) }
                    p { "Not known: no sample has it." }
                }
            };
        };
        if most == 0 {
            let unknown = self.steps.iter().any(|(_, seen)| *seen == Seen::Unknown);
            let when = if unknown {
                "whenever it is known"
            } else {
                "all the time"
            };
            return html! {
                figure {
                    h3 id=(self.id("title")) { (self.of.title) }
                    p { ((self.of.show)(0)) ", " (when) "." }
                    p class="note" { (self.of.meaning) }
                }
            };
        }
        let [title, summary] = ["title", "summary"].map(|part| self.id(part));
        let view_box = format!("0 0 {WIDTH} {HEIGHT}");
        html! {
            figure {
                h3 id=(title) { (self.of.title) }
                svg class="plot" role="img" aria-labelledby=(title) aria-describedby=(summary)
                    viewBox=(view_box) {
                    (self.frame(most))
                    path class="band" d=(self.band(most)) {}
                    path class="line" d=(self.line(most)) {}
                    @for mark in self.marks { (self.mark(mark)) }
                    @for (at, range) in &known { (self.hover(*at, *range)) }
                }
                figcaption {
                    p id=(summary) { (summary_of(self, &known)) }
                    p class="note" { (self.of.meaning) }
                    (self.values())
                }
            }
        }
    }

    fn id(&self, part: &str) -> String {
        format!("plot-{}-{part}", self.of.key)
    }

    fn known(&self) -> Vec<(usize, Range)> {
        let steps = self.steps.iter().enumerate();
        let known = steps.filter_map(|(at, (_, seen))| match seen {
            Seen::Known(range) => Some((at, *range)),
            Seen::Nothing | Seen::Unknown => None,
        });
        known.collect()
    }

    /// The middle of a step.
    fn x(&self, at: usize) -> u64 {
        let steps = self.steps.len().max(1) as u64;
        LEFT + GRAPH_WIDTH * (2 * at as u64 + 1) / (2 * steps)
    }

    /// Lines at nothing, half and all, each with its value, and the times of both ends.
    fn frame(&self, most: u64) -> Markup {
        let lines = match most {
            0 | 1 => vec![0, most],
            _ => vec![0, most / 2, most],
        };
        let begin_ns = self.steps.first().map_or(0, |(begin_ns, _)| *begin_ns);
        let end_ns = self.steps.last().map_or(0, |(begin_ns, _)| *begin_ns);
        html! {
            @for value in lines {
                @let y = y(value, most);
                line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y) y2=(y) {}
                text x=(LEFT - 60) y=(y + 40) text-anchor="end" { ((self.of.show)(value)) }
            }
            text x=(LEFT) y=(HEIGHT - 60) { (self.clock.at(begin_ns)) }
            @if end_ns > begin_ns {
                text x=(WIDTH - RIGHT) y=(HEIGHT - 60) text-anchor="end" { (self.clock.at(end_ns)) }
            }
        }
    }

    /// The steps that follow each other without one in which the figure is not known.
    fn runs(&self) -> Vec<Vec<(usize, Range)>> {
        let mut runs = vec![Vec::new()];
        for (at, (_, seen)) in self.steps.iter().enumerate() {
            match (seen, runs.last_mut()) {
                (Seen::Known(range), Some(run)) => run.push((at, *range)),
                (Seen::Unknown, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
                _ => {}
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }

    fn line(&self, most: u64) -> String {
        let mut path = String::new();
        for run in self.runs() {
            for (at, (step, range)) in run.iter().enumerate() {
                let verb = if at == 0 { 'M' } else { 'L' };
                let _ = write!(path, "{verb}{} {}", self.x(*step), y(range.last, most));
            }
            // A run of one step would not be seen.
            if let [_] = run[..] {
                path.push_str("h1");
            }
        }
        path
    }

    /// The area between the least and the most of each step.
    fn band(&self, most: u64) -> String {
        let mut path = String::new();
        for run in self.runs() {
            let there = run.iter().map(|(step, range)| (step, range.most));
            let back = run.iter().rev().map(|(step, range)| (step, range.least));
            for (at, (step, value)) in there.chain(back).enumerate() {
                let verb = if at == 0 { 'M' } else { 'L' };
                let _ = write!(path, "{verb}{} {}", self.x(*step), y(value, most));
            }
            path.push('Z');
        }
        path
    }

    fn mark(&self, mark: &Mark) -> Markup {
        let begin_ns = self.steps.first().map_or(0, |(begin_ns, _)| *begin_ns);
        let span_ns = (self.step_ns.max(1)).saturating_mul(self.steps.len().max(1) as u64);
        let away_ns = mark.at_ns.saturating_sub(begin_ns).min(span_ns);
        let away = u128::from(GRAPH_WIDTH) * u128::from(away_ns) / u128::from(span_ns);
        let x = LEFT + u64::try_from(away).unwrap_or(GRAPH_WIDTH);
        html! {
            g class="mark" {
                title { (mark.label) ": " (mark.title) }
                line x1=(x) x2=(x) y1=(TOP - 60) y2=(HEIGHT - BOTTOM) {}
                text x=(x) y=(TOP - 90) text-anchor="middle" { (mark.label) }
            }
        }
    }

    /// An area that shows the values of a step while the mouse is on it.
    fn hover(&self, at: usize, range: Range) -> Markup {
        let steps = self.steps.len().max(1) as u64;
        let width = GRAPH_WIDTH.div_ceil(steps);
        let x = self.x(at).saturating_sub(width / 2);
        let when = self.steps.get(at).map_or(0, |(begin_ns, _)| *begin_ns);
        let show = self.of.show;
        let values = match range.least == range.most {
            true => show(range.last),
            false => format!(
                "{} to {}, at last {}",
                show(range.least),
                show(range.most),
                show(range.last)
            ),
        };
        html! {
            rect class="hover" x=(x) y=(TOP) width=(width) height=(GRAPH_HEIGHT) {
                title { (self.clock.time(when)) ": " (values) }
            }
        }
    }

    /// All values, for those who do not see the drawing or have no mouse.
    fn values(&self) -> Markup {
        let show = |seen: &Seen, of: fn(&Range) -> u64| match seen {
            Seen::Known(range) => (self.of.show)(of(range)),
            Seen::Nothing | Seen::Unknown => UNKNOWN.to_owned(),
        };
        let steps = (self.steps.iter()).filter(|(_, seen)| *seen != Seen::Nothing);
        let step = units::duration(Some(self.step_ns));
        html! {
            details {
                summary { "Values of " (self.of.title.to_lowercase()) }
                div class="scroll" role="group" tabindex="0" aria-labelledby=(self.id("title")) {
                    table {
                        caption { "In steps of " (step) }
                        thead { tr {
                            @for heading in ["From", "Least", "Most", "Last"] {
                                th scope="col" { (heading) }
                            }
                        } }
                        tbody { @for (begin_ns, seen) in steps { tr {
                            th scope="row" { (self.clock.at(*begin_ns)) }
                            td class="figure" { (show(seen, |range| range.least)) }
                            td class="figure" { (show(seen, |range| range.most)) }
                            td class="figure" { (show(seen, |range| range.last)) }
                        } } }
                    }
                }
            }
        }
    }
}

fn y(value: u64, most: u64) -> u64 {
    let part = u128::from(GRAPH_HEIGHT) * u128::from(value) / u128::from(most.max(1));
    let part = u64::try_from(part)
        .unwrap_or(GRAPH_HEIGHT)
        .min(GRAPH_HEIGHT);
    TOP + GRAPH_HEIGHT - part
}

/// The plot in a sentence.
fn summary_of(plot: &Plot<'_>, known: &[(usize, Range)]) -> String {
    let (Some((_, first)), Some((_, last))) = (known.first(), known.last()) else {
        return String::new();
    };
    let show = plot.of.show;
    let most = known.iter().rev().max_by_key(|(_, range)| range.most);
    let most = most.map(|(at, range)| {
        let when = plot.steps.get(*at).map_or(0, |(begin_ns, _)| *begin_ns);
        format!("; most {}, at {}", show(range.most), plot.clock.time(when))
    });
    let unknown = plot.steps.iter().any(|(_, seen)| *seen == Seen::Unknown);
    let unknown = if unknown { "; at times not known" } else { "" };
    format!(
        "{} at first, {} at last{}{unknown}.",
        show(first.first),
        show(last.last),
        most.unwrap_or_default()
    )
}
