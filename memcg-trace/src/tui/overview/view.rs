//! The tab itself.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Sparkline, Widget as _};

use super::findings::{self, Found};
use crate::model::snapshot::Snapshot;
use crate::output::verdicts::{self, State, Subject, Verdict};
use crate::output::{figures, fit, records};
use crate::tui::cursor::{Cursor, first_shown};
use crate::tui::detail::Detail;
use crate::tui::grid::put;
use crate::tui::keys::{self, Action, Hint};
use crate::tui::theme::Theme;
use crate::tui::view::{Effect, Scene, View, Word};

/// Width of the state and of the subject, with a gap.
const STATE: u16 = 5;
const SUBJECT: u16 = 10;

const WORDS: &[Word] = &[
    (
        "BAD, look",
        "something is wrong, or worth a look; the worst comes first",
    ),
    (
        "ok",
        "nothing was found, in what the line says was looked at",
    ),
    ("?", "it could not be looked at, or not at all of it"),
    (
        "▁▂▅█",
        "how the figure of a subject changed in the last samples, from 0 to its largest; · is not \
         known",
    ),
    ("deadlocks", "those that are proven; drawn: their number"),
    (
        "waits",
        "who waits longest, for a lock or for memory to be reclaimed; drawn: its time",
    ),
    (
        "reclaim",
        "whose tasks wait most for memory, and whose limit that is; drawn: time waited",
    ),
    (
        "zombies",
        "what dead memcgs keep, pages on their LRU lists and memory of the kernel that they take \
         by themselves, and the origin that keeps most; drawn: bytes",
    ),
    (
        "abandoned",
        "cgroups without tasks that nobody seems to need; drawn: cgroups without tasks",
    ),
    (
        "slab",
        "memory of slabs, the part in use, and the cache with most empty memory; drawn: bytes",
    ),
    (
        "shrinkers",
        "what they scan and how much of it they free; drawn: objects a second",
    ),
    ("losses", "events that could not be counted, by place"),
    (
        "own cost",
        "CPU time of this program's walks; drawn: of memcgs",
    ),
];

/// A line that can be selected.
#[derive(Debug)]
enum Row {
    Subject(Subject, Verdict),
    Finding(Found),
}

impl Row {
    fn identity(&self) -> u64 {
        match self {
            Self::Subject(subject, _) => *subject as u64,
            Self::Finding(found) => (found.finding.kind as u64 + 1) << 32 | found.finding.number,
        }
    }

    /// Returns whether the row contains the filter's text, which is lower case.
    fn has(&self, filter: &str) -> bool {
        match self {
            Self::Subject(subject, verdict) => {
                subject.name().contains(filter) || verdict.text.to_lowercase().contains(filter)
            }
            Self::Finding(found) => found.text.to_lowercase().contains(filter),
        }
    }

    /// The tab or the detail that explains it.
    fn open(&self) -> Effect {
        match self {
            Self::Finding(found) => Effect::Open(Detail::of_finding(&found.finding)),
            Self::Subject(subject, _) => match subject {
                Subject::Deadlocks => Effect::Open(Detail::of_locks()),
                Subject::Waits => Effect::Show("locks"),
                Subject::Reclaim => Effect::Show("reclaim"),
                Subject::Zombies | Subject::Abandoned => Effect::Show("origins"),
                Subject::Slab => Effect::Show("slab"),
                Subject::Shrinkers => Effect::Show("shrinkers"),
                Subject::Losses | Subject::OwnCost => Effect::Open(Detail::of_the_tool()),
            },
        }
    }
}

/// The overview.
#[derive(Debug, Default)]
pub(in crate::tui) struct Overview {
    rows: Vec<Row>,
    /// The line between subjects and findings.
    heading: String,
    cursor: Cursor,
}

impl View for Overview {
    fn name(&self) -> &'static str {
        "overview"
    }

    fn is_known(&self, _: &Snapshot) -> bool {
        true
    }

    fn refresh(&mut self, scene: &Scene<'_>) {
        let found = findings::newest(scene.snapshot);
        self.heading = findings::heading(scene.snapshot, found.len());
        let subjects = verdicts::all(scene.snapshot).into_iter();
        let subjects = subjects.map(|(subject, verdict)| Row::Subject(subject, verdict));
        let rows = subjects.chain(found.into_iter().map(Row::Finding));
        self.rows = rows.filter(|row| row.has(&scene.filter.text)).collect();
        let identities = self.rows.iter().map(Row::identity);
        self.cursor.update(identities.collect());
    }

    fn on(&mut self, action: Action, _: &Scene<'_>, page: usize) -> Effect {
        let row = self.cursor.selected().and_then(|at| self.rows.get(at));
        match (action, row) {
            (Action::Open, Some(row)) => row.open(),
            _ => {
                self.cursor.on(action, page);
                Effect::Done
            }
        }
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        if self.rows.is_empty() {
            return put(buffer, area, 0, "no row matches", scene.theme.faint());
        }
        let subjects = self.subjects();
        let selected = self.cursor.selected().unwrap_or(0);
        let first = self.first_line(area.height.into());
        let y_of = |line: usize| {
            let y = u16::try_from(line.checked_sub(first)?).ok()?;
            (y < area.height).then_some(y)
        };
        if let Some(y) = y_of(subjects) {
            let heading = fit::cut_end(&self.heading, area.width.into());
            put(buffer, area, y, &heading, scene.theme.heading());
        }
        for (at, row) in self.rows.iter().enumerate() {
            let Some(y) = y_of(self.line_of(at)) else {
                continue;
            };
            let line = Rect {
                y: area.y + y,
                height: 1,
                ..area
            };
            draw_row(buffer, line, row, scene, at == selected);
        }
    }

    fn json(&self, _: &Scene<'_>) -> Option<String> {
        match self.rows.get(self.cursor.selected()?)? {
            Row::Subject(..) => None,
            Row::Finding(found) => {
                let record = records::Finding::from(&found.finding);
                Some(figures::json_text(&record))
            }
        }
    }

    fn click(&mut self, line: usize, height: usize) {
        let wanted = self.first_line(height) + line;
        if let Some(at) = (0..self.rows.len()).find(|at| self.line_of(*at) == wanted) {
            self.cursor.select(at);
        }
    }

    fn hints(&self) -> &'static [Hint] {
        const OPEN: Hint = (&[Action::Open], "explain it");
        &[keys::FILTER, OPEN]
    }

    fn words(&self) -> &'static [Word] {
        WORDS
    }
}

impl Overview {
    /// Number of rows above the heading.
    fn subjects(&self) -> usize {
        let is_subject = |row: &&Row| matches!(row, Row::Subject(..));
        self.rows.iter().take_while(is_subject).count()
    }

    /// The line of a row: the heading is a line, but no row.
    fn line_of(&self, row: usize) -> usize {
        row + usize::from(row >= self.subjects())
    }

    /// The first line that is shown.
    fn first_line(&self, height: usize) -> usize {
        let selected = self.cursor.selected().unwrap_or(0);
        first_shown(self.line_of(selected), self.rows.len() + 1, height)
    }
}

fn draw_row(buffer: &mut Buffer, line: Rect, row: &Row, scene: &Scene<'_>, is_selected: bool) {
    let columns = usize::from(line.width);
    let style = match is_selected {
        true => scene.theme.selected(),
        false => Style::new(),
    };
    let (subject, verdict) = match row {
        Row::Subject(subject, verdict) => (*subject, verdict),
        Row::Finding(found) => {
            let style = match (is_selected, found.is_alarm(), found.finding.resolved) {
                (true, _, _) => style,
                (false, true, _) => scene.theme.alarm(),
                (false, false, true) => scene.theme.faint(),
                (false, false, false) => style,
            };
            let text = fit::pad(&fit::cut_end(&found.text, columns), columns, false);
            return put(buffer, line, 0, &text, style);
        }
    };
    put(buffer, line, 0, &" ".repeat(columns), style);
    let drawn = drawn_columns(line.width);
    let [state, name, picture, text] = parts(line, [STATE, SUBJECT, drawn]);
    let mark = style.patch(mark(verdict.state, scene.theme));
    put(buffer, state, 0, verdict.state.word(), mark);
    put(buffer, name, 0, subject.name(), style);
    draw_trend(
        buffer,
        picture,
        &scene.trends.last(subject, drawn.into()),
        style,
    );
    let cut = verdict.fitted(text.width.into());
    put(buffer, text, 0, &cut, style);
}

/// Columns of the picture on a screen of so many columns.
fn drawn_columns(columns: u16) -> u16 {
    match columns {
        0..50 => 0,
        50..80 => 6,
        80..120 => 12,
        _ => 30,
    }
}

/// Areas side by side, with a gap after each but the last, which takes the rest.
fn parts(line: Rect, widths: [u16; 3]) -> [Rect; 4] {
    let mut x = line.x;
    let mut next = |width: u16| {
        let rest = line.right().saturating_sub(x);
        let part = Rect {
            x,
            width: width.min(rest),
            ..line
        };
        let gap = u16::from(width > 0);
        x = x.saturating_add(part.width + gap).min(line.right());
        part
    };
    let [a, b, c] = widths.map(&mut next);
    [a, b, c, next(u16::MAX)]
}

/// The newest value is on the right.
fn draw_trend(buffer: &mut Buffer, area: Rect, values: &[Option<u64>], style: Style) {
    let count = u16::try_from(values.len())
        .unwrap_or(u16::MAX)
        .min(area.width);
    let area = Rect {
        x: area.right() - count,
        width: count,
        ..area
    };
    let picture = Sparkline::default().data(values.iter().copied());
    let picture = picture.absent_value_symbol("·").style(style);
    picture.render(area.intersection(buffer.area), buffer);
}

fn mark(state: State, theme: Theme) -> Style {
    match state {
        State::Bad => theme.alarm(),
        State::Look => theme.warning(),
        State::Unknown => theme.faint(),
        State::Good => theme.good(),
    }
}
