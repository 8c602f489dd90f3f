//! State of the screen: snapshots and keys go in, what to draw comes out.

use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::detail::Detail;
use super::filter::Filter;
use super::help;
use super::keys::{self, Action};
use super::overview::Trends;
use super::regions::Regions;
use super::tabs;
use super::theme::Theme;
use super::view::{Effect, Scene, View};
use crate::model::snapshot::Snapshot;
use crate::output::summary;
use crate::sample::ask::Ask;
use crate::sample::recording::Host;

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
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// The last figures, up to the snapshot that is shown.
    pub(super) trends: Trends,
    /// The newest snapshot, while the screen is paused.
    held: Option<Arc<Snapshot>>,
    pub(super) first_ns: Option<u64>,
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
    pub(super) is_paused: bool,
    pub(super) has_ended: bool,
    size: Rect,
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
            snapshot: None,
            trends: Trends::default(),
            held: None,
            first_ns: None,
            views: tabs::all(),
            shown: 0,
            detail: None,
            question: None,
            filter: Filter::default(),
            help: None,
            is_paused: false,
            has_ended: false,
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
        self.is_paused
    }

    /// Stores a new snapshot. It is not shown while the screen is paused.
    pub fn take(&mut self, snapshot: Arc<Snapshot>) {
        self.first_ns.get_or_insert(snapshot.mono_ns);
        if self.is_paused && self.snapshot.is_some() {
            self.held = Some(snapshot);
        } else {
            self.trends.push(&snapshot);
            self.snapshot = Some(snapshot);
            self.refresh();
        }
    }

    /// Takes the user's question, which is returned only once.
    pub fn question(&mut self) -> Option<Ask> {
        self.question.take()
    }

    /// Stores the answer to a question. A paused screen shows the answer, and nothing else of its
    /// snapshot.
    pub fn answer(&mut self, ask: &Ask, snapshot: Arc<Snapshot>) {
        if let Some(detail) = self.detail_of(ask) {
            detail.answered();
        }
        if let (true, Some(shown)) = (self.is_paused, &self.snapshot) {
            let mut shown = Snapshot::clone(shown);
            shown.pins = Arc::clone(&snapshot.pins);
            shown.deadlocks = Arc::clone(&snapshot.deadlocks);
            shown.convoys = Arc::clone(&snapshot.convoys);
            shown.waits = Arc::clone(&snapshot.waits);
            shown.judged.clone_from(&snapshot.judged);
            self.snapshot = Some(Arc::new(shown));
            self.held = Some(snapshot);
            self.refresh();
        } else {
            self.take(snapshot);
        }
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

    /// Lines of urgent facts for the header of every tab, with their styles.
    pub(super) fn news(&self) -> Vec<(String, Style)> {
        let snapshot = self.snapshot.as_deref();
        let deadlock = snapshot.and_then(summary::deadlock);
        let finding = snapshot.and_then(summary::worst_finding);
        let deadlock = deadlock.map(|line| (line, self.theme.banner()));
        let finding = finding.map(|line| (line, self.theme.alarm()));
        deadlock.into_iter().chain(finding).collect()
    }

    /// The regions of a screen of this size.
    #[must_use]
    pub fn regions(&self, area: Rect) -> Regions {
        let absences = self.snapshot.as_deref().map(summary::absences);
        Regions::of(area, self.news().len(), absences.map_or(0, |all| all.len()))
    }

    /// Notes that there will be no more snapshots.
    pub fn end(&mut self) {
        self.has_ended = true;
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
        let action = keys::action(event);
        let is_ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        match action {
            Some(Action::Quit) if is_ctrl => self.is_done = true,
            _ if self.filter.is_edited => {
                self.filter.edit(event);
                self.refresh();
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

    fn act_on_help(&mut self, action: Action) {
        let columns = usize::from(self.size.width);
        let last = help::lines(self.view(), columns).len().saturating_sub(1);
        self.help = match (action, self.help) {
            (Action::Up, Some(line)) => Some(line.saturating_sub(1)),
            (Action::Down, Some(line)) => Some((line + 1).min(last)),
            _ => None,
        };
    }

    fn act_on_detail(&mut self, action: Action) {
        match action {
            Action::Back => self.detail = None,
            Action::Ask => self.ask(),
            Action::NextTab | Action::PreviousTab => {
                self.detail = None;
                self.act(action);
            }
            Action::Quit | Action::Help | Action::Pause => self.act(action),
            _ => {
                let body = self.regions(self.size).body;
                let area = (usize::from(body.width), usize::from(body.height).max(1));
                if let (Some(detail), Some(snapshot)) = (&mut self.detail, &self.snapshot) {
                    detail.scroll(action, snapshot, area);
                }
            }
        }
    }

    fn act(&mut self, action: Action) {
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
                self.is_paused = !self.is_paused;
                if let (false, Some(held)) = (self.is_paused, self.held.take()) {
                    self.take(held);
                }
            }
            _ => self.act_on_view(action),
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
        if let Some(detail) = &mut self.detail {
            self.question = detail.ask_again();
        }
    }

    /// Shows a tab; after the last comes the first.
    fn show(&mut self, at: usize) {
        self.shown = at % self.views.len();
        self.refresh();
    }

    /// Computes the rows again, after a change of anything that they depend on.
    fn refresh(&mut self) {
        self.with_view(|view, scene| view.refresh(scene));
    }

    /// Passes an action to the tab that is shown, once there is a snapshot.
    fn with_view<T>(&mut self, act: impl FnOnce(&mut dyn View, &Scene<'_>) -> T) -> Option<T> {
        let scene = Scene {
            snapshot: self.snapshot.as_deref()?,
            filter: &self.filter.text.to_lowercase(),
            theme: self.theme,
            trends: &self.trends,
        };
        Some(act(self.views[self.shown].as_mut(), &scene))
    }
}
