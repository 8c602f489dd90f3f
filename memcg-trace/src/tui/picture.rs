//! Pictures of the selected row, below its table: shapes that say more than figures.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::block;
use ratatui::widgets::{Gauge, Sparkline, Widget as _};

use super::grid::put;
use super::theme::Theme;
use crate::output::fit;
use crate::units;

/// Width of what a picture is of.
const LABEL: u16 = 12;
/// The scale of durations: from 1 us, ten times as long with each step.
const SCALE_FROM_NS: f64 = 1e3;
const SCALE_DECADES: f64 = 8.0;

/// A picture of one line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    /// Its title.
    label: &'static str,
    shape: Shape,
    /// The same in figures.
    text: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// Only the text.
    None,
    /// A part, from 0 to 1; `None` where it is not known.
    Part(Option<f64>),
    /// A bar a value, the oldest first; `·` where it is not known.
    Bars(Vec<Option<u64>>),
    /// Durations on a logarithmic scale, with the sign of each.
    Scale(Vec<(char, u64)>),
}

impl Picture {
    /// What only words can say.
    pub(super) fn words(label: &'static str, text: String) -> Self {
        let shape = Shape::None;
        Self { label, shape, text }
    }

    pub(super) fn part(label: &'static str, part: Option<f64>, text: String) -> Self {
        let shape = Shape::Part(part);
        Self { label, shape, text }
    }

    pub(super) fn bars(label: &'static str, values: Vec<Option<u64>>, text: String) -> Self {
        let shape = Shape::Bars(values);
        Self { label, shape, text }
    }

    /// The median, the 99th percentile and the longest of some durations.
    pub(super) fn percentiles(
        label: &'static str,
        [p50_ns, p99_ns, max_ns]: [Option<u64>; 3],
    ) -> Self {
        let marks = [('m', p50_ns), ('9', p99_ns), ('M', max_ns)];
        let marks = marks.into_iter();
        let [p50, p99, max] = [p50_ns, p99_ns, max_ns].map(units::duration);
        Self {
            label,
            shape: Shape::Scale(marks.filter_map(|(sign, ns)| Some((sign, ns?))).collect()),
            text: format!("m p50 {p50}, 9 p99 {p99}, M {max}"),
        }
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, theme: Theme) {
        let columns = area.width;
        put(buffer, area, 0, self.label, theme.faint());
        let left = (LABEL + 1).min(columns);
        let width = match self.shape {
            Shape::None => 0,
            _ => (columns - left) * 2 / 5,
        };
        let shape = Rect {
            x: area.x + left,
            width,
            ..area
        };
        let text = Rect {
            x: (shape.right() + u16::from(width > 0)).min(area.right()),
            width: columns.saturating_sub(left + width + u16::from(width > 0)),
            ..area
        };
        self.shape
            .draw(buffer, shape.intersection(buffer.area), theme);
        put(
            buffer,
            text,
            0,
            &fit::cut_end(&self.text, text.width.into()),
            Style::new(),
        );
    }
}

impl Shape {
    fn draw(&self, buffer: &mut Buffer, area: Rect, theme: Theme) {
        match self {
            Self::None => {}
            Self::Part(None) => put(buffer, area, 0, units::UNKNOWN, theme.faint()),
            Self::Part(Some(part)) => {
                let part = part.clamp(0.0, 1.0);
                let gauge = Gauge::default().ratio(part).label("");
                gauge.use_unicode(true).render(area, buffer);
                // A gauge leaves room for a label in its middle; and what is free is seen, too,
                // without colours.
                for (at, x) in (0_u16..).zip(area.left()..area.right()) {
                    let is_used = f64::from(at) + 1.0 <= part * f64::from(area.width);
                    let Some(cell) = buffer.cell_mut((x, area.y)) else {
                        continue;
                    };
                    match (cell.symbol(), is_used) {
                        (" ", true) => {
                            cell.set_symbol(block::FULL);
                        }
                        (" ", false) => {
                            cell.set_char('·').set_style(theme.faint());
                        }
                        _ => {}
                    }
                }
            }
            Self::Bars(values) => {
                let count = values.len().min(area.width.into());
                let newest = &values[values.len() - count..];
                let bars = Sparkline::default().data(newest.iter().copied());
                bars.absent_value_symbol("·").render(area, buffer);
            }
            Self::Scale(marks) => {
                put(
                    buffer,
                    area,
                    0,
                    &"·".repeat(area.width.into()),
                    theme.faint(),
                );
                for (sign, ns) in marks {
                    let x = area.x + place(*ns, area.width);
                    if let Some(cell) = buffer.cell_mut((x, area.y)) {
                        cell.set_char(*sign).set_style(theme.title());
                    }
                }
            }
        }
    }
}

/// The column of a duration on a scale of so many.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place on the screen"
)]
fn place(ns: u64, columns: u16) -> u16 {
    let decades = (ns as f64 / SCALE_FROM_NS).max(1.0).log10() / SCALE_DECADES;
    let last = columns.saturating_sub(1);
    ((decades * f64::from(last)).round() as u16).min(last)
}

/// Draws pictures below each other, with a line above them.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, pictures: &[Picture], theme: Theme) {
    put(
        buffer,
        area,
        0,
        &"─".repeat(area.width.into()),
        theme.faint(),
    );
    for (y, picture) in (1..area.height).zip(pictures) {
        let line = Rect {
            y: area.y + y,
            height: 1,
            ..area
        };
        picture.draw(buffer, line, theme);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_a_place_for_each_duration() {
        let places: Vec<u16> = [0, 1_000, 10_000, 1_000_000_000, u64::MAX]
            .map(|ns| place(ns, 41))
            .into();
        assert_eq!(places, [0, 0, 5, 30, 40]);
        assert_eq!(place(7, 0), 0);
    }
}
