//! Pictures of the selected row, below its table: shapes that say more than figures.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Sparkline, Widget as _};

use super::bar;
use super::grid::put;
use super::theme::Theme;
use crate::output::fit;
use crate::sample::TimeClass;
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
    /// A bar a value, the oldest first; `·` where it is not known. The second is the value of a
    /// full bar, if that is not the highest.
    Bars(Vec<Option<u64>>, Option<u64>),
    /// Durations on a logarithmic scale, with the sign of each.
    Scale(Vec<(char, u64)>),
    /// Numbers of durations on the same scale.
    Histogram(Vec<TimeClass>),
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
        let shape = Shape::Bars(values, None);
        Self { label, shape, text }
    }

    /// The bars with another value as a full one, so that bars of several pictures can be compared.
    pub(super) fn up_to(mut self, most: Option<u64>) -> Self {
        if let Shape::Bars(_, full) = &mut self.shape {
            *full = most;
        }
        self
    }

    /// How often durations were about so long, on the scale of `percentiles`.
    pub(super) fn histogram(label: &'static str, classes: &[TimeClass]) -> Self {
        let all = classes.iter().map(|class| class.count_total);
        let all = all.fold(0, u64::saturating_add);
        let text = match all {
            0 => "none was measured".to_owned(),
            _ => format!("{} measured, from 1 us to 100 s", units::count(Some(all))),
        };
        Self {
            label,
            shape: Shape::Histogram(classes.to_vec()),
            text,
        }
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
                let text = bar::text(*part, area.width.into());
                put(buffer, area, 0, &text, Style::new());
            }
            Self::Bars(values, most) => {
                let count = values.len().min(area.width.into());
                let newest = &values[values.len() - count..];
                let bars = Sparkline::default().data(newest.iter().copied());
                let bars = bars.absent_value_symbol("·");
                let bars = match most {
                    Some(most) => bars.max(*most),
                    None => bars,
                };
                bars.render(area, buffer);
            }
            Self::Histogram(classes) => {
                let counts = counts(classes, area.width);
                Sparkline::default().data(counts).render(area, buffer);
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

/// The numbers of durations in each of so many columns of a scale.
fn counts(classes: &[TimeClass], columns: u16) -> Vec<u64> {
    let mut counts = vec![0_u64; columns.into()];
    for class in classes {
        if let Some(count) = counts.get_mut(usize::from(place(class.about_ns, columns))) {
            *count = count.saturating_add(class.count_total);
        }
    }
    // A single duration is seen, too: the lowest of eight levels.
    let least = counts.iter().max().copied().unwrap_or(0).div_ceil(8);
    let seen = |count: u64| if count > 0 { count.max(least) } else { 0 };
    counts.into_iter().map(seen).collect()
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

    #[test]
    fn each_duration_is_seen_at_its_place() {
        let class = |about_ns, count_total| TimeClass {
            about_ns,
            count_total,
        };
        let classes = [class(10_000, 1), class(10_100, 79), class(1_000_000, 1)];
        let counts = counts(&classes, 41);
        let seen: Vec<(usize, u64)> = counts
            .into_iter()
            .enumerate()
            .filter(|one| one.1 > 0)
            .collect();
        assert_eq!(seen, [(5, 80), (15, 10)]);
        assert!(super::counts(&classes, 0).is_empty());
    }
}
