//! The page itself.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::gathered::Gathered;
use super::of::Of;
use super::plot::{Mark, Plot};
use super::{findings, headline, memory, pressure, recorded, verdict};
use crate::output::plotted::PLOTTED;

/// Marks that plots have room for.
const MAX_MARKS: usize = 24;
const STYLE: &str = include_str!("style.css");
/// The page loads nothing, runs nothing and sends nothing, whatever names it has.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'";

/// A part of the page.
struct Part {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

/// Writes the page. The same snapshots make the same page.
#[must_use]
pub fn page(gathered: &Gathered, of: &Of<'_>) -> String {
    let clock = gathered.clock();
    let host = of.host.host.display();
    let title = format!(
        "memcg-trace report: {host}, {}",
        clock.at(gathered.last.mono_ns)
    );
    let parts = parts(gathered, of);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#verdict" { "Skip to the verdict" }
                header {
                    h1 { "Host " (host) }
                    (recorded::span(gathered, of))
                }
                nav aria-label="Parts of this page" {
                    ul { @for part in &parts {
                        li { a href={ "#" (part.id) } { (part.title) } }
                    } }
                }
                main {
                    @for part in &parts {
                        section id=(part.id) aria-labelledby={ (part.id) "-title" } {
                            h2 id={ (part.id) "-title" } { (part.title) }
                            (part.body)
                        }
                    }
                }
                footer { p { "Made by memcg-trace " (env!("CARGO_PKG_VERSION")) ". Times are UTC." } }
            }
        }
    };
    markup.into_string() + "\n"
}

fn parts(gathered: &Gathered, of: &Of<'_>) -> Vec<Part> {
    let clock = gathered.clock();
    let top = of.top;
    let part = |id, title, body| Part { id, title, body };
    let absence = findings::absence(&gathered.last);
    let deadlocks = (!gathered.deadlocks.is_empty())
        .then(|| part("deadlocks", "Deadlocks", gathered.deadlocks.section(clock)));
    let first = [
        part("verdict", "Verdict", verdict_of(gathered)),
        part("timelines", "Timelines", timelines(gathered)),
        part(
            "findings",
            "Findings",
            gathered.findings.section(clock, absence),
        ),
    ];
    let others = [
        part("zombies", "Zombies", memory::zombies(gathered, top)),
        part(
            "slab",
            "Slab",
            memory::slab(gathered, top, of.cgroup.is_none()),
        ),
        part(
            "reclaim",
            "Waits for memory",
            pressure::reclaim(gathered, top),
        ),
        part("shrinkers", "Shrinkers", pressure::shrinkers(gathered, top)),
        part("waits", "Waits between tasks", pressure::waits(gathered)),
        part("host", "Host", recorded::host(gathered, of)),
        part("losses", "Losses and gaps", recorded::gaps(gathered)),
    ];
    first.into_iter().chain(deadlocks).chain(others).collect()
}

fn verdict_of(gathered: &Gathered) -> Markup {
    let lines = verdict::lines(gathered);
    let (state, sentence) = headline::of(gathered, &lines);
    html! {
        p class={ "headline " (verdict::class(state)) } {
            strong { (state.word()) } " " (sentence)
        }
        (verdict::table(&lines, gathered.clock()))
    }
}

fn timelines(gathered: &Gathered) -> Markup {
    let mut marks: Vec<Mark> = gathered.deadlocks.marks();
    marks.extend(gathered.findings.marks());
    let left_out = marks.len().saturating_sub(MAX_MARKS);
    marks.truncate(MAX_MARKS);
    html! {
        @if !marks.is_empty() {
            p class="note" {
                "Dashed lines are where a deadlock (D1) or a finding (F1) of the lists below begins"
                @if left_out > 0 { "; " (left_out) " more are not drawn" } "."
            }
        }
        @for (at, plotted) in PLOTTED.iter().enumerate() {
            (Plot {
                of: plotted,
                steps: &gathered.timeline.of(at),
                step_ns: gathered.timeline.step_ns(),
                marks: &marks,
                clock: gathered.clock(),
            }.markup())
        }
    }
}
