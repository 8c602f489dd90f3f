//! State of the screen: snapshots and keys go in, what to draw comes out.

use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::detail::Detail;
use super::filter::Filter;
use super::help;
use super::keys::{self, Action};
use super::regions::Regions;
use super::tabs;
use super::theme::Theme;
use super::timeline::{Timeline, Visit};
use super::travel::{self, Destination, TimePrompt, Travel};
use super::view::{Effect, Scene, View};
use crate::model::snapshot::Snapshot;
use crate::output::summary;
use crate::sample::ask::Ask;
use crate::sample::recording::Host;

/// The reason why there is no answer while a moment of the past is shown.
const PAST: &str = "the kernel can only be asked about now: Space goes back to it";
/// The same, in a replay.
const REPLAY: &str = "a recording has only the answers that it was made with";

/// Settings that stay the same while the screen is up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Host of the figures.
    pub host: Host,
    /// Whether the figures come from a recording.
    pub is_replay: bool,
    /// Whether to use colours.
    pub colour: bool,
}

#[derive(Debug)]
pub struct App {
    pub(super) setup: Setup,
    pub(super) theme: Theme,
    pub(super) time: Timeline,
    pub(super) prompt: TimePrompt,
    /// A message for the user, until the next key.
    pub(super) message: Option<String>,
    /// The user asked to write what is kept in memory.
    is_to_write: bool,
    /// Rows that are to be printed on exit, a line of JSON each.
    pub(super) yanked: Vec<String>,
    pub(super) views: Vec<Box<dyn View>>,
    /// Index of the tab that is shown.
    pub(super) shown: usize,
    /// The detail that covers the tab.
    pub(super) detail: Option<Detail>,
    /// The question that was not sent yet.
    question: Option<Ask>,
    pub(super) filter: Filter,
    /// Scroll position of the help, while it is shown.
    pub(super) help: Option<usize>,
    pub(super) size: Rect,
    is_done: bool,
}

impl App {
    /// A screen that waits for its first snapshot.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let theme = Theme::new(setup.colour);
        Self {
            setup,
            theme,
            time: Timeline::default(),
            prompt: TimePrompt::default(),
            message: None,
            is_to_write: false,
            yanked: Vec::new(),
            views: tabs::all(),
            shown: 0,
            detail: None,
            question: None,
            filter: Filter::default(),
            help: None,
            size: Rect::new(0, 0, 80, 24),
            is_done: false,
        }
    }

    /// Whether the user wants to leave.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether the screen is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.time.is_paused
    }

    /// Stores a new snapshot. It is not shown while the screen is paused.
    pub fn take(&mut self, snapshot: Arc<Snapshot>) {
        self.time.take(snapshot);
        self.refresh();
    }

    /// Notes the oldest moment that can be shown, CLOCK_MONOTONIC.
    pub fn keeps_since(&mut self, oldest_ns: Option<u64>) {
        self.time.kept_since_ns = oldest_ns;
    }

    /// Takes the user's wish to see another moment, which is returned only once.
    pub fn travel(&mut self) -> Option<Travel> {
        self.time.wish()
    }

    /// Shows another moment.
    pub fn visit(&mut self, visit: Visit) {
        self.time.visit(visit, self.setup.is_replay);
        self.refresh();
    }

    /// Takes the user's wish for a recording of what is kept, which is returned only once.
    pub fn wishes_recording(&mut self) -> bool {
        std::mem::take(&mut self.is_to_write)
    }

    /// Shows a message, until the next key.
    pub fn say(&mut self, message: &str) {
        self.message = Some(message.to_owned());
    }

    /// Takes the user's question, which is returned only once.
    pub fn question(&mut self) -> Option<Ask> {
        self.question.take()
    }

    /// Stores the answer to a question.
    pub fn answer(&mut self, ask: &Ask, snapshot: Arc<Snapshot>) {
        if let Some(detail) = self.detail_of(ask) {
            detail.answered();
        }
        self.time.answer(snapshot);
        self.refresh();
    }

    /// Notes that a question has no answer.
    pub fn leave_unanswered(&mut self, ask: &Ask, why: &str) {
        if let Some(detail) = self.detail_of(ask) {
            detail.unanswered(why);
        }
    }

    /// The detail that is shown, if the question was about it.
    fn detail_of(&mut self, ask: &Ask) -> Option<&mut Detail> {
        let detail = self.detail.as_mut();
        detail.filter(|detail| detail.is_about(ask))
    }

    /// Returns whether there is a kernel that can be asked about the moment that is shown.
    pub(super) fn can_ask(&self) -> bool {
        !self.setup.is_replay && !self.time.is_past()
    }

    /// Lines of urgent facts for the header of every tab, with their styles.
    pub(super) fn news(&self) -> Vec<(String, Style)> {
        let snapshot = self.time.shown.as_deref();
        let deadlock = snapshot.and_then(summary::deadlock);
        let finding = snapshot.and_then(summary::worst_finding);
        let deadlock = deadlock.map(|line| (line, self.theme.banner()));
        let finding = finding.map(|line| (line, self.theme.alarm()));
        deadlock.into_iter().chain(finding).collect()
    }

    /// The regions of a screen of this size.
    #[must_use]
    pub fn regions(&self, area: Rect) -> Regions {
        let absences = self.time.shown.as_deref().map(summary::absences);
        let is_covered = self.help.is_some() || self.detail.is_some();
        let pictures = match is_covered {
            true => 0,
            false => self.view().picture_rows(),
        };
        let absences = absences.map_or(0, |all| all.len());
        Regions::of(area, self.news().len(), absences, pictures)
    }

    /// Notes that there will be no more snapshots.
    pub fn end(&mut self) {
        self.time.has_ended = true;
    }

    /// Notes the new size of the screen.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.size = Rect::new(0, 0, columns, rows);
    }

    /// The tab that is shown.
    pub(super) fn view(&self) -> &dyn View {
        self.views[self.shown].as_ref()
    }

    /// Acts on a key.
    pub fn press(&mut self, event: KeyEvent) {
        if event.kind == KeyEventKind::Release {
            return;
        }
        self.message = None;
        let action = keys::action(event);
        let is_ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        match action {
            Some(Action::Quit) if is_ctrl => self.is_done = true,
            _ if self.filter.is_edited => {
                self.filter.edit(event);
                self.refresh();
            }
            _ if self.prompt.is_edited => {
                if let Some(text) = self.prompt.edit(event) {
                    self.go_to(&text);
                }
            }
            Some(action) if self.help.is_some() => self.act_on_help(action),
            Some(action) if self.detail.is_some() => self.act_on_detail(action),
            Some(action) => self.act(action),
            None => {}
        }
    }

    /// Acts on pasted text, which only a filter uses.
    pub fn paste(&mut self, text: &str) {
        if self.filter.is_edited {
            self.filter.paste(text);
            self.refresh();
        }
    }

    pub(super) fn act_on_help(&mut self, action: Action) {
        let body = self.regions(self.size).body;
        let (columns, rows) = (usize::from(body.width), usize::from(body.height));
        let lines = help::lines(self.view(), columns).len();
        let last = lines.saturating_sub(rows.max(1));
        self.help = self.help.and_then(|line| match action {
            Action::Up => Some(line.saturating_sub(1)),
            Action::Down => Some((line + 1).min(last)),
            Action::PageUp => Some(line.saturating_sub(rows)),
            Action::PageDown => Some((line + rows).min(last)),
            Action::First => Some(0),
            Action::Last => Some(last),
            _ => None,
        });
    }

    pub(super) fn act_on_detail(&mut self, action: Action) {
        match action {
            Action::Back => self.detail = None,
            Action::Ask if self.setup.is_replay => {
                if self.detail.as_ref().is_some_and(Detail::has_question) {
                    self.say(REPLAY);
                }
            }
            Action::Ask => self.ask(),
            Action::NextTab | Action::PreviousTab => {
                self.detail = None;
                self.act(action);
            }
            Action::Quit
            | Action::Help
            | Action::Pause
            | Action::GoTo
            | Action::Write
            | Action::Yank
            | Action::Advice => {
                self.act(action);
            }
            action if self.travels(action) => {}
            _ => {
                let body = self.regions(self.size).body;
                let area = (usize::from(body.width), usize::from(body.height).max(1));
                if let (Some(detail), Some(snapshot)) = (&mut self.detail, &self.time.shown) {
                    detail.scroll(action, snapshot, area);
                }
            }
        }
    }

    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Quit => self.is_done = true,
            Action::Help => self.help = Some(0),
            Action::NextTab => self.show(self.shown + 1),
            Action::PreviousTab => self.show(self.shown + self.views.len() - 1),
            Action::Filter => self.filter.is_edited = true,
            Action::Back if !self.filter.text.is_empty() => {
                self.filter = Filter::default();
                self.refresh();
            }
            Action::Pause => {
                self.time.pause_or_resume();
                self.refresh();
            }
            Action::GoTo => self.prompt.is_edited = true,
            Action::Write => self.is_to_write = true,
            Action::Yank => self.yank(),
            Action::Advice => self.detail = Some(Detail::of_advice()),
            action if self.travels(action) => {}
            _ => self.act_on_view(action),
        }
    }

    /// Travels in time, if the action does; returns whether it does.
    fn travels(&mut self, action: Action) -> bool {
        let from_ns = self.time.shown.as_ref().map_or(0, |shown| shown.mono_ns);
        let to = Destination::of(action, from_ns);
        if let Some(to) = to {
            self.time.go(to);
        }
        to.is_some()
    }

    /// Travels to the time that the user typed.
    fn go_to(&mut self, text: &str) {
        let Some(shown) = self.time.shown.as_deref() else {
            return;
        };
        match travel::parse(text, shown.mono_ns, shown.unix_ns) {
            Ok(moment_ns) => self.time.go(Destination::Moment(moment_ns)),
            Err(wrong) => self.say(&wrong),
        }
    }

    fn act_on_view(&mut self, action: Action) {
        // The heading of a table is a row of the body.
        let body = self.regions(self.size).body;
        let page = usize::from(body.height.saturating_sub(1)).max(1);
        let effect = self.with_view(|view, scene| view.on(action, scene, page));
        match effect {
            None | Some(Effect::Done) => {}
            Some(Effect::Refresh) => self.refresh(),
            Some(Effect::Show(tab)) => {
                let at = self.views.iter().position(|view| view.name() == tab);
                self.show(at.unwrap_or(self.shown));
            }
            Some(Effect::Open(detail)) => {
                self.detail = Some(detail);
                self.ask();
            }
        }
    }

    fn ask(&mut self) {
        let Some(detail) = &mut self.detail else {
            return;
        };
        self.question = detail.ask_again();
        if self.question.is_some() && self.time.is_past() {
            self.question = None;
            detail.unanswered(PAST);
        }
    }

    /// Shows a tab; after the last comes the first.
    pub(super) fn show(&mut self, at: usize) {
        self.shown = at % self.views.len();
        self.refresh();
    }

    /// Computes the rows again, after a change of anything that they depend on.
    fn refresh(&mut self) {
        self.with_view(|view, scene| view.refresh(scene));
    }

    /// Passes an action to the tab that is shown, once there is a snapshot.
    pub(super) fn with_view<T>(
        &mut self,
        act: impl FnOnce(&mut dyn View, &Scene<'_>) -> T,
    ) -> Option<T> {
        let scene = Scene {
            snapshot: self.time.shown.as_deref()?,
            filter: &self.filter.wanted(),
            theme: self.theme,
            trends: &self.time.trends,
        };
        Some(act(self.views[self.shown].as_mut(), &scene))
    }
}
