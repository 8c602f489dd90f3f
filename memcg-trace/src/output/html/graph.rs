//! A deadlock as a drawing: the tasks of its shortest cycle one below the other, with arrows to
//! those that they wait for, and one from the last to the first.

use maud::{Markup, html};

use crate::deadlock::{Deadlock, words};
use crate::output::fit;
use crate::units;

/// The most tasks of a drawing; of others only the number is said.
const MAX_TASKS: usize = 12;
/// Characters of a label that fit beside an arrow.
const LABEL: usize = 70;
/// Characters of the name of a task that fit into a box.
const NAME: usize = 34;

const WIDTH: usize = 720;
const BOX_LEFT: usize = 40;
const BOX_WIDTH: usize = 300;
const BOX_HEIGHT: usize = 34;
const STEP: usize = 84;
const TOP: usize = 8;

/// The drawing; `of` is the id of its heading.
pub(super) fn markup(deadlock: &Deadlock, of: &str) -> Markup {
    let edges = deadlock.edges.iter().take(deadlock.cycle_edges);
    let edges = edges.filter(|edge| edge.from < deadlock.members.len());
    let edges: Vec<_> = edges.collect();
    let drawn = &edges[..edges.len().min(MAX_TASKS)];
    let height = TOP + STEP * drawn.len() + 4;
    let view_box = format!("0 0 {WIDTH} {height}");
    let id = format!("{of}-drawing");
    html! {
        svg class="graph" role="img" aria-labelledby=(id) viewBox=(view_box) {
            title id=(id) { (deadlock.sentence) }
            @for (at, edge) in drawn.iter().enumerate() {
                @let top = TOP + STEP * at;
                @let name = words::task(&deadlock.members[edge.from]);
                @let wait = words::wait(&edge.resource, edge.mode, edge.is_retry);
                g {
                    title { (name) " " (wait) }
                    rect x=(BOX_LEFT) y=(top) width=(BOX_WIDTH) height=(BOX_HEIGHT) rx="4" {}
                    text x=(BOX_LEFT + 12) y=(top + 22) { (fit::cut_end(&name, NAME)) }
                    text class="wait" x=(BOX_LEFT + 76) y=(top + BOX_HEIGHT + 28) {
                        (fit::cut_end(&wait, LABEL))
                    }
                    @if at + 1 < drawn.len() { (down(top)) }
                }
            }
            (back(drawn.len()))
        }
        @if edges.len() > drawn.len() {
            p { "and " (units::things((edges.len() - drawn.len()) as u64, "task")) " more" }
        }
    }
}

/// An arrow from a box to the one below.
fn down(top: usize) -> Markup {
    let x = BOX_LEFT + 60;
    let (from, to) = (top + BOX_HEIGHT, top + STEP);
    let arrow = format!(
        "M{x} {from}V{to}M{} {}L{x} {to}L{} {}",
        x - 5,
        to - 9,
        x + 5,
        to - 9
    );
    html! { path class="arrow" d=(arrow) {} }
}

/// The arrow from the last box to the first, on their left.
fn back(boxes: usize) -> Markup {
    let Some(last) = boxes.checked_sub(1) else {
        return html! {};
    };
    let (x, left) = (BOX_LEFT + 60, 14);
    let from = TOP + STEP * last + BOX_HEIGHT;
    let (turn, to) = (from + 38, TOP + BOX_HEIGHT / 2);
    let arrow = format!(
        "M{x} {from}V{turn}H{left}V{to}H{BOX_LEFT}M{} {}L{BOX_LEFT} {to}L{} {}",
        BOX_LEFT - 9,
        to - 5,
        BOX_LEFT - 9,
        to + 5
    );
    html! { path class="arrow" d=(arrow) {} }
}
