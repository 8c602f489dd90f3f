//! The end of a report: what it looks like, how to reproduce it, and what it lacks.

use super::page::Page;
use crate::model::known::{self, About, Likeness};
use crate::model::snapshot::Snapshot;
use crate::output::known as text;

/// Ends a report: the known bugs that it looks like, how to reproduce it, and its gaps.
pub(super) fn end(mut page: Page, snapshot: &Snapshot, about: &[About], gaps: &[String]) -> String {
    let likenesses = about
        .iter()
        .flat_map(|about| known::likenesses(snapshot, *about));
    let likenesses: Vec<Likeness> = likenesses.collect();
    page.section("Known bugs that this looks like");
    if likenesses.is_empty() {
        page.line(&none(snapshot, about), 0);
    }
    for likeness in &likenesses {
        for line in text::lines(likeness) {
            page.line(&line, 4);
        }
    }
    page.section("How to reproduce");
    let steps = likenesses.iter().map(|likeness| likeness.bug.reproduce);
    let steps: Vec<&[&str]> = steps.filter(|steps| !steps.is_empty()).collect();
    if steps.is_empty() {
        page.line("Not known.", 0);
    } else {
        page.line(
            "By the steps that are known of the bug that it looks like:",
            0,
        );
    }
    for step in steps.iter().flat_map(|steps| text::steps(steps)) {
        page.line(&step, 3);
    }
    page.section("What was not looked at");
    for gap in gaps {
        page.line(&format!("- {gap}"), 2);
    }
    if gaps.is_empty() {
        page.line("Nothing that this answer needs.", 0);
    }
    page.into_text()
}

/// What was compared in vain. A bug that needs an answer to another question was not compared.
fn none(snapshot: &Snapshot, about: &[About]) -> String {
    if about == [About::Caches] && snapshot.slab_inside.items.is_empty() {
        return "Not compared: `memcg-trace slab --inside CACHE` shows those of caches.".to_owned();
    }
    let subjects = about.iter().map(|about| match about {
        About::Waits => "waits",
        About::Zombies => "dead memory cgroups",
        About::Caches => "caches",
    });
    let subjects = subjects.collect::<Vec<_>>().join(" and ");
    format!(
        "None of those about {subjects} that `memcg-trace known` lists, as far as is seen here."
    )
}
