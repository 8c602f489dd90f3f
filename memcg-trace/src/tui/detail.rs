//! The answer to a question, on a screen of its own: the ledger of a zombie, all waits, or who uses
//! cgroups without tasks; and a finding and a group of cgroups, which need no question.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::grid::put;
use super::keys::{Action, Hint};
use super::theme::Theme;
use crate::model::abandoned::Empty;
use crate::model::origins::Origin;
use crate::model::snapshot::{Finding, FindingKind, MemcgId, Snapshot};
use crate::model::zombies::pins_of;
use crate::output::pins as text;
use crate::output::text::Style as TextStyle;
use crate::output::{boxes, empties, findings, fit, locks, names, origins, ring, to_do, tool};
use crate::sample::ask::{Ask, NOT_RECORDED};
use crate::sample::sanitized;

/// State of the question.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Question {
    Asked,
    Answered,
    /// The question has no answer; the text says why.
    Unanswered(String),
}

/// Subject of the screen.
#[derive(Clone, Debug)]
enum About {
    Zombie(Arc<MemcgId>),
    Waits,
    Finding(FindingKind, u64),
    /// Zombies of one origin, as of the moment at which they were selected.
    Origin(Arc<Origin>),
    /// Cgroups without tasks, likewise.
    Empty(Arc<Empty>),
    /// All cgroups without tasks.
    Empties,
    /// Losses and costs of this program.
    Tool,
    /// The advice of all answers.
    Advice,
}

/// The subject on the screen, and its scroll position.
#[derive(Clone, Debug)]
pub(super) struct Detail {
    about: About,
    question: Question,
    first: usize,
}

impl Detail {
    /// The screen of a zombie, whose pins have yet to be asked for.
    pub(super) fn asked(id: Arc<MemcgId>) -> Self {
        Self::of(About::Zombie(id))
    }

    /// The screen of all waits.
    pub(super) fn of_locks() -> Self {
        Self::of(About::Waits)
    }

    /// The screen of a finding.
    pub(super) fn of_finding(finding: &Finding) -> Self {
        Self::of(About::Finding(finding.kind, finding.number))
    }

    /// The screen of zombies of one origin.
    pub(super) fn of_origin(origin: Arc<Origin>) -> Self {
        Self::of(About::Origin(origin))
    }

    /// The screen of a group of cgroups without tasks.
    pub(super) fn of_empty(group: Arc<Empty>) -> Self {
        Self::of(About::Empty(group))
    }

    /// The screen of all cgroups without tasks, whose users have yet to be asked for.
    pub(super) fn of_empties() -> Self {
        Self::of(About::Empties)
    }

    /// The screen of what this program missed, and of what it costs.
    pub(super) fn of_the_tool() -> Self {
        Self::of(About::Tool)
    }

    /// The advice of all answers, as a list.
    pub(super) fn of_advice() -> Self {
        Self::of(About::Advice)
    }

    /// The lines that the user can take along.
    pub(super) fn to_copy(&self, snapshot: &Snapshot) -> Vec<String> {
        match self.about {
            About::Advice => to_do::list(snapshot).lines().map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    fn of(about: About) -> Self {
        Self {
            about,
            question: Question::Asked,
            first: 0,
        }
    }

    fn ask(&self) -> Option<Ask> {
        match &self.about {
            About::Zombie(id) => Some(Ask::Pins(vec![id.serial_nr])),
            About::Waits => Some(Ask::Locks),
            About::Empties => Some(Ask::CgroupUses),
            About::Finding(..)
            | About::Origin(_)
            | About::Empty(_)
            | About::Tool
            | About::Advice => None,
        }
    }

    /// Whether a question was about the subject on the screen.
    pub(super) fn is_about(&self, ask: &Ask) -> bool {
        self.ask().as_ref() == Some(ask)
    }

    /// Returns whether the kernel has to be asked about the subject.
    pub(super) fn has_question(&self) -> bool {
        self.ask().is_some()
    }

    /// Repeats the question, if the subject has one.
    pub(super) fn ask_again(&mut self) -> Option<Ask> {
        self.question = Question::Asked;
        self.ask()
    }

    pub(super) fn answered(&mut self) {
        self.question = Question::Answered;
    }

    pub(super) fn unanswered(&mut self, why: &str) {
        self.question = Question::Unanswered(why.to_owned());
    }

    /// Scrolls on a screen of so many columns and rows.
    pub(super) fn scroll(&mut self, action: Action, snapshot: &Snapshot, area: (usize, usize)) {
        let (columns, rows) = area;
        let last = self.lines(snapshot, columns).len().saturating_sub(rows);
        let to = match action {
            Action::Up => self.first.saturating_sub(1),
            Action::Down => self.first.saturating_add(1),
            Action::PageUp => self.first.saturating_sub(rows),
            Action::PageDown => self.first.saturating_add(rows),
            Action::First => 0,
            Action::Last => last,
            _ => self.first,
        };
        self.first = to.min(last);
    }

    fn lines(&self, snapshot: &Snapshot, columns: usize) -> Vec<String> {
        let style = TextStyle {
            columns: Some(columns),
            colour: false,
        };
        // A sentence is one line, which may be long.
        let whole = |text: &str| -> String {
            let lines = text.lines().flat_map(|line| fit::wrapped(line, columns, 4));
            lines.map(|line| line + "\n").collect()
        };
        let (body, has_answer) = match &self.about {
            About::Origin(origin) => (whole(&origins::one(origin)), true),
            About::Empty(group) => (whole(&empties::one(group)), true),
            About::Empties => (
                whole(&empties::sentences(snapshot)),
                snapshot.cgroup_uses.is_some(),
            ),
            About::Advice => (advice(snapshot, columns), true),
            About::Tool => (whole(&tool::render(snapshot)), true),
            About::Zombie(id) => match pins_of(snapshot, id.serial_nr) {
                Some(pins) => (text::one(pins, snapshot.mono_ns, style), true),
                None => (format!("{}\n", names::path(Some(id))), false),
            },
            About::Waits => (locks::details(snapshot, style), snapshot.judged.is_some()),
            About::Finding(kind, number) => {
                let mut all = snapshot.findings.items.iter();
                let found = all.find(|one| (one.kind, one.number) == (*kind, *number));
                let text = found.map(|one| findings::one(one, snapshot.mono_ns, columns));
                (
                    text.unwrap_or_else(|| "forgotten: it is over\n".to_owned()),
                    true,
                )
            }
        };
        let mut lines: Vec<String> = Vec::new();
        if let Some(state) = self.state(snapshot, has_answer) {
            lines.extend(fit::wrapped(&state, columns, 2));
            lines.push(String::new());
        }
        if let About::Waits = self.about {
            lines.extend(fit::wrapped(&locks::overview(snapshot), columns, 2));
            lines.push(String::new());
            lines.extend(drawings(snapshot, columns));
        }
        lines.extend(body.lines().map(str::to_owned));
        lines
    }

    /// A note beside the answer, or in place of a missing one.
    fn state(&self, snapshot: &Snapshot, has_answer: bool) -> Option<String> {
        let memcgs = &snapshot.memcgs;
        let mut zombies = memcgs.items.iter().filter(|memcg| memcg.phase.is_some());
        if let About::Zombie(me) = &self.about
            && memcgs.is_known()
            && !zombies.any(|zombie| zombie.id.serial_nr == me.serial_nr)
        {
            return Some("gone: it was released, nothing pins it any more".to_owned());
        }
        let what = match self.about {
            About::Zombie(_) => "who pins it",
            About::Waits => "who waits for whom",
            About::Empties => "who uses the cgroups without tasks",
            About::Finding(..)
            | About::Origin(_)
            | About::Empty(_)
            | About::Tool
            | About::Advice => return None,
        };
        match &self.question {
            Question::Asked => Some(format!("asking the kernel {what} …")),
            // A recording has no other answers.
            Question::Unanswered(why) if has_answer && why == NOT_RECORDED => None,
            Question::Unanswered(why) if why == NOT_RECORDED => Some(format!(
                "no answer: nobody asked while this was recorded; `record {}` asks",
                self.flag_of_record()
            )),
            Question::Unanswered(why) => Some(format!("no answer: {}", sanitized(why))),
            Question::Answered if !has_answer => {
                Some("no answer: it was not found any more".to_owned())
            }
            Question::Answered => None,
        }
    }

    /// The flag with which a recording has the answer.
    fn flag_of_record(&self) -> &'static str {
        match self.about {
            About::Zombie(_) => "--pins",
            About::Empties => "--abandoned",
            _ => "--locks",
        }
    }

    /// Hints for the keys of this screen, where the kernel can be asked or not.
    pub(super) fn hints(&self, can_ask: bool) -> &'static [Hint] {
        const BACK: Hint = (&[Action::Back], "back");
        const ASK: Hint = (&[Action::Ask], "ask anew");
        const COPY: Hint = (&[Action::Yank], "print it on exit");
        const SCROLL: Hint = (&[Action::Up, Action::Down], "scroll");
        match self.about {
            About::Advice => &[BACK, COPY, SCROLL],
            _ if can_ask && self.has_question() => &[BACK, ASK, SCROLL],
            _ => &[BACK, SCROLL],
        }
    }

    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect, snapshot: &Snapshot, theme: Theme) {
        let lines = self.lines(snapshot, usize::from(area.width));
        let height = usize::from(area.height);
        let first = self.first.min(lines.len().saturating_sub(height));
        for (y, line) in (0..area.height).zip(lines.iter().skip(first)) {
            put(buffer, area, y, line, style(line, theme));
        }
    }
}

/// Rings of deadlocks, and boxes of all other waits.
fn drawings(snapshot: &Snapshot, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let standing = snapshot.deadlocks.items.iter();
    for one in standing.filter(|one| one.is_confirmed()) {
        lines.extend(ring::lines(&one.found, columns));
        lines.push(String::new());
    }
    lines.extend(boxes::lines(snapshot, columns));
    lines
}

/// The advice of all answers; where there is none, what gives some.
fn advice(snapshot: &Snapshot, columns: usize) -> String {
    let text = to_do::list(snapshot);
    let none = "no answer so far has advice: Enter on a zombie asks who pins it, and r on the tab of \
                origins who uses cgroups without tasks";
    let text = if text.is_empty() { none } else { &text };
    let lines = text.lines().flat_map(|line| fit::wrapped(line, columns, 4));
    lines.map(|line| line + "\n").collect()
}

/// Headings of the ledger and of the advice stand out.
fn style(line: &str, theme: Theme) -> Style {
    let headings = ["KIND ", "LONGEST ", "what would free it", "who holds, "];
    if headings.iter().any(|heading| line.starts_with(heading)) {
        theme.heading()
    } else if line.starts_with("DEADLOCK ") {
        theme.alarm()
    } else if line.starts_with('/') {
        theme.title()
    } else {
        Style::new()
    }
}
