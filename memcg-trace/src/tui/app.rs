//! State of the screen: snapshots and keys in, what to draw out.

use std::collections::HashSet;
use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::style::Style;

use super::detail::Detail;
use super::filter::Filter;
use super::keys::{self, Action};
use super::list::{List, flat, identities, sorted};
use super::slab_view::{CACHES_SORT, OF_SORT, SlabView};
use super::tab::Tab;
use super::theme::Theme;
use super::{findings, locks, memcgs, reclaim, shrinkers, slab, zombies};
use crate::model::snapshot::Snapshot;
use crate::output::summary;
use crate::output::tree::{self, Line};
use crate::sample::ask::Ask;
use crate::sample::recording::Host;

/// What stays the same while the screen is up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Whose figures these are.
    pub host: Host,
    /// Whether they come from a recording.
    pub is_replay: bool,
    /// Whether to use colours.
    pub colour: bool,
}

/// The rows of the tab that is shown, by index into the items of its section.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) main: Vec<usize>,
    /// Of the table of [`Tab::Locks`], below its trees.
    pub(super) stats: Vec<usize>,
    identities: Vec<u64>,
}

/// The state.
#[derive(Debug)]
pub struct App {
    pub(super) setup: Setup,
    pub(super) theme: Theme,
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// What came while the picture is held.
    held: Option<Arc<Snapshot>>,
    pub(super) first_ns: Option<u64>,
    pub(super) tab: Tab,
    pub(super) lists: [List; Tab::ALL.len() + 2],
    pub(super) slab_view: SlabView,
    pub(super) rows: Rows,
    pub(super) folded: HashSet<u64>,
    /// Items of [`Tab::Zombies`], while that is shown.
    pub(super) zombies: Vec<zombies::Row>,
    /// Items of [`Tab::Findings`], while that is shown.
    pub(super) findings: Vec<findings::Row>,
    /// Lines of [`Tab::Locks`], while that is shown.
    pub(super) tree: Vec<Line>,
    /// What is shown alone.
    pub(super) detail: Option<Detail>,
    /// What was not asked yet.
    question: Option<Ask>,
    pub(super) filter: Filter,
    /// Lines that the help is scrolled by, while it is shown.
    pub(super) help: Option<usize>,
    pub(super) is_paused: bool,
    pub(super) has_ended: bool,
    /// Columns and rows.
    size: (u16, u16),
    is_done: bool,
}

/// The rows of the screen that are not a table.
pub(super) const CHROME_ROWS: u16 = 6;

impl App {
    /// A screen that waits for its first snapshot.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let theme = Theme::new(setup.colour);
        Self {
            setup,
            theme,
            snapshot: None,
            held: None,
            first_ns: None,
            tab: Tab::Memcgs,
            lists: [
                List::sorted_by(0),
                List::sorted_by(zombies::DEFAULT_SORT),
                List::sorted_by(slab::DEFAULT_SORT),
                List::sorted_by(shrinkers::DEFAULT_SORT),
                List::sorted_by(reclaim::DEFAULT_SORT),
                List::sorted_by(locks::DEFAULT_SORT),
                List::sorted_by(findings::DEFAULT_SORT),
                List::sorted_by(CACHES_SORT),
                List::sorted_by(OF_SORT),
            ],
            slab_view: SlabView::default(),
            rows: Rows::default(),
            folded: HashSet::new(),
            zombies: Vec::new(),
            findings: Vec::new(),
            tree: Vec::new(),
            detail: None,
            question: None,
            filter: Filter::default(),
            help: None,
            is_paused: false,
            has_ended: false,
            size: (80, 24),
            is_done: false,
        }
    }

    /// Whether the user wants to leave.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether the picture is held.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Takes in a new snapshot. While the picture is held it is not shown.
    pub fn take(&mut self, snapshot: Arc<Snapshot>) {
        self.first_ns.get_or_insert(snapshot.mono_ns);
        if self.is_paused && self.snapshot.is_some() {
            self.held = Some(snapshot);
        } else {
            self.snapshot = Some(snapshot);
            self.refresh();
        }
    }

    /// What the user wants to know, once.
    pub fn question(&mut self) -> Option<Ask> {
        self.question.take()
    }

    /// Takes in the answer to a question. Also a held picture shows it, and else stays.
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

    /// There is no answer to a question.
    pub fn leave_unanswered(&mut self, ask: &Ask, why: &str) {
        if let Some(detail) = self.detail_of(ask) {
            detail.unanswered(why);
        }
    }

    /// What is shown, if a question was about it.
    fn detail_of(&mut self, ask: &Ask) -> Option<&mut Detail> {
        let detail = self.detail.as_mut();
        detail.filter(|detail| detail.is_about(ask))
    }

    /// What somebody should look at, on every tab, and how that looks.
    pub(super) fn news(&self) -> Vec<(String, Style)> {
        let snapshot = self.snapshot.as_deref();
        let deadlock = snapshot.and_then(summary::deadlock);
        let finding = snapshot.and_then(summary::worst_finding);
        let deadlock = deadlock.map(|line| (line, self.theme.banner()));
        let finding = finding.map(|line| (line, self.theme.alarm()));
        deadlock.into_iter().chain(finding).collect()
    }

    /// There will be no more snapshots.
    pub fn end(&mut self) {
        self.has_ended = true;
    }

    /// The screen has another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
    }

    /// Takes in a key.
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

    fn act_on_help(&mut self, action: Action) {
        let last = keys::BINDINGS.len().saturating_sub(1);
        self.help = match (action, self.help) {
            (Action::Up, Some(line)) => Some(line.saturating_sub(1)),
            (Action::Down, Some(line)) => Some((line + 1).min(last)),
            _ => None,
        };
    }

    /// Rows of the screen for a table.
    fn page(&self) -> usize {
        let news = u16::try_from(self.news().len()).unwrap_or(u16::MAX);
        let chrome_rows = CHROME_ROWS.saturating_add(news);
        usize::from(self.size.1.saturating_sub(chrome_rows)).max(1)
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
                // The heading of a table is a row of the detail.
                let area = (usize::from(self.size.0), self.page() + 1);
                if let (Some(detail), Some(snapshot)) = (&mut self.detail, &self.snapshot) {
                    detail.scroll(action, snapshot, area);
                }
            }
        }
    }

    /// Shows all about waits, and asks anew.
    fn open_locks(&mut self) {
        self.detail = Some(Detail::of_locks());
        self.ask();
    }

    /// Shows the zombie that is selected, and asks who pins it.
    fn open(&mut self) {
        let selected = self.list().selected();
        let row = selected.and_then(|at| self.rows.main.get(at));
        let Some(row) = row.and_then(|row| self.zombies.get(*row)) else {
            return;
        };
        self.detail = Some(Detail::asked(Arc::clone(&row.zombie.id)));
        self.ask();
    }

    /// Shows the finding that is selected, with all its figures.
    fn open_finding(&mut self) {
        let row = self.list().selected().and_then(|at| self.rows.main.get(at));
        if let Some(row) = row.and_then(|row| self.findings.get(*row)) {
            self.detail = Some(Detail::of_finding(&row.finding));
        }
    }

    fn ask(&mut self) {
        if let Some(detail) = &mut self.detail {
            self.question = detail.ask_again();
        }
    }

    fn act(&mut self, action: Action) {
        let page = self.page();
        let at = self.list().selected().unwrap_or(0);
        match action {
            Action::Quit => self.is_done = true,
            Action::Help => self.help = Some(0),
            Action::Up => self.select(at.saturating_sub(1)),
            Action::Down => self.select(at.saturating_add(1)),
            Action::PageUp => self.select(at.saturating_sub(page)),
            Action::PageDown => self.select(at.saturating_add(page)),
            Action::First => self.select(0),
            Action::Last => self.select(usize::MAX),
            Action::NextTab => self.show(self.tab.neighbour(1)),
            Action::PreviousTab => self.show(self.tab.neighbour(Tab::ALL.len() - 1)),
            Action::Open | Action::Ask if self.tab == Tab::Zombies => self.open(),
            Action::Open | Action::Ask if self.tab == Tab::Locks => self.open_locks(),
            Action::Open if self.tab == Tab::Slab => self.open_cache(),
            Action::Open if self.tab == Tab::Findings => self.open_finding(),
            Action::Open => self.fold(),
            Action::Turn if self.tab == Tab::Slab => self.turn_slab(self.slab_view.turned()),
            Action::Ask | Action::Turn => {}
            Action::Filter => self.filter.is_edited = true,
            Action::Back => {
                let is_deep = self.tab == Tab::Slab && matches!(self.slab_view, SlabView::Of(..));
                if is_deep && self.filter.text.is_empty() {
                    self.slab_view = SlabView::Caches;
                }
                self.filter = Filter::default();
                self.refresh();
            }
            Action::Sort => {
                let columns = match self.tab {
                    Tab::Slab => self.slab_view.column_count(),
                    tab => tab.column_count(),
                };
                let list = self.list_mut();
                list.sort = (list.sort + 1) % columns;
                list.reverse = false;
                self.refresh();
            }
            Action::Reverse => {
                let list = self.list_mut();
                list.reverse = !list.reverse;
                self.refresh();
            }
            Action::Pause => {
                self.is_paused = !self.is_paused;
                if let (false, Some(held)) = (self.is_paused, self.held.take()) {
                    self.take(held);
                }
            }
        }
    }

    /// The table that is shown: those of the tabs, then those of the other views of slab.
    fn list_at(&self) -> usize {
        match (self.tab, &self.slab_view) {
            (Tab::Slab, SlabView::Caches) => Tab::ALL.len(),
            (Tab::Slab, SlabView::Of(..)) => Tab::ALL.len() + 1,
            (tab, _) => tab as usize,
        }
    }

    pub(super) fn list(&self) -> &List {
        &self.lists[self.list_at()]
    }

    fn list_mut(&mut self) -> &mut List {
        let at = self.list_at();
        &mut self.lists[at]
    }

    fn select(&mut self, at: usize) {
        let list = self.list_at();
        self.lists[list].select(at, &self.rows.identities);
    }

    /// Looks at slab in another way.
    fn turn_slab(&mut self, view: SlabView) {
        self.slab_view = view;
        self.refresh();
    }

    /// Shows who has objects of the cache that is selected.
    fn open_cache(&mut self) {
        let row = self.list().selected().and_then(|at| self.rows.main.get(at));
        let caches = self.snapshot.as_ref().map(|snapshot| &snapshot.slab_caches);
        let cache = row.and_then(|row| caches?.items.get(*row));
        if let (SlabView::Caches, Some(cache)) = (&self.slab_view, cache) {
            let view = SlabView::Of(cache.walked.cache, Arc::clone(&cache.name));
            self.turn_slab(view);
        }
    }

    fn show(&mut self, tab: Tab) {
        self.tab = tab;
        self.refresh();
    }

    /// Folds the selected memcg, or unfolds it.
    fn fold(&mut self) {
        if self.tab != Tab::Memcgs || !memcgs::is_tree(self.list(), &self.filter.text) {
            return;
        }
        let Some(snapshot) = &self.snapshot else {
            return;
        };
        let items = &snapshot.memcgs.items;
        let row = self
            .list()
            .selected()
            .and_then(|at| self.rows.main.get(at))
            .copied();
        let Some((row, memcg)) = row.and_then(|row| Some((row, items.get(row)?))) else {
            return;
        };
        let serial_nr = memcg.id.serial_nr;
        let has_children = items
            .get(row + 1)
            .is_some_and(|next| next.depth > memcg.depth);
        if !self.folded.remove(&serial_nr) && has_children {
            self.folded.insert(serial_nr);
        }
        self.refresh();
    }

    /// Takes in pasted text: only a filter has use for it.
    pub fn paste(&mut self, text: &str) {
        if self.filter.is_edited {
            self.filter.paste(text);
            self.refresh();
        }
    }

    /// Works out anew which rows there are, after anything that they depend on has changed.
    fn refresh(&mut self) {
        let Some(snapshot) = self.snapshot.clone() else {
            return;
        };
        let filter = self.filter.text.to_lowercase();
        let list = &self.lists[self.list_at()];
        let mut stats = Vec::new();
        let (main, identities) = match self.tab {
            Tab::Memcgs => {
                let items = &snapshot.memcgs.items;
                // What is gone cannot be unfolded.
                if !self.folded.is_empty() {
                    let here: HashSet<u64> = items.iter().map(memcgs::identity).collect();
                    self.folded.retain(|serial_nr| here.contains(serial_nr));
                }
                let rows = memcgs::rows(items, list, &filter, &self.folded);
                let identities = identities(items, &rows, memcgs::identity);
                (rows, identities)
            }
            Tab::Zombies => {
                self.zombies = zombies::rows(&snapshot);
                flat(
                    &self.zombies,
                    zombies::COLUMNS,
                    list,
                    |row| filter.is_empty() || zombies::matches(row, &filter),
                    zombies::identity,
                )
            }
            Tab::Slab => self.slab_view.rows(&snapshot, list, &filter),
            Tab::Shrinkers => flat(
                &snapshot.shrinkers.items,
                shrinkers::COLUMNS,
                list,
                |row| filter.is_empty() || shrinkers::matches(row, &filter),
                shrinkers::identity,
            ),
            Tab::Reclaim => flat(
                &snapshot.reclaim.items,
                reclaim::COLUMNS,
                list,
                |row| filter.is_empty() || reclaim::matches(row, &filter),
                reclaim::identity,
            ),
            Tab::Findings => {
                self.findings = findings::rows(&snapshot);
                flat(
                    &self.findings,
                    findings::COLUMNS,
                    list,
                    |row| filter.is_empty() || findings::matches(row, &filter),
                    findings::identity,
                )
            }
            Tab::Locks => {
                self.tree = tree::lines(&snapshot);
                let rows = locks::rows(&self.tree, &filter);
                let mut identities = identities(&self.tree, &rows, |line| line.identity);
                let items = &snapshot.lock_stats.items;
                stats = sorted(items, locks::STATS, list, |lock| {
                    filter.is_empty() || locks::stats_match(lock, &filter)
                });
                identities.extend(stats.iter().map(|at| locks::stats_identity(&items[*at])));
                (rows, identities)
            }
        };
        self.list_mut().update(&identities);
        self.rows = Rows {
            main,
            stats,
            identities,
        };
    }
}
