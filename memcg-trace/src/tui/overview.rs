//! The first tab: problems of the host in a few lines.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::cursor::{Cursor, first_shown};
use super::grid::put;
use super::keys::{self, Action, Hint};
use super::view::{Effect, Scene, View, Word};
use crate::model::snapshot::{Reclaim, Section, Severity, Snapshot};
use crate::model::zombies::{self, Zombie};
use crate::output::{dying, fit, locks, names, summary};
use crate::sample::sanitized;
use crate::units::{self, PAGE_BYTES};

/// Maximum number of rows of a subject below its first.
const MAX_ROWS: usize = 3;
/// Width of the subject.
const SUBJECT: usize = 11;

const WORDS: &[Word] = &[
    ("findings", "what somebody should look at, the worst first"),
    ("deadlocks", "those that are proven, once that was asked"),
    (
        "zombies",
        "dead memcgs; below, those that pin the most: pages on their LRU lists, and memory of \
         the kernel that they take by themselves",
    ),
    (
        "reclaim",
        "whose tasks wait most for memory to be reclaimed, in a second",
    ),
    (
        "waits",
        "who waits longest now, for a lock or for memory to be reclaimed",
    ),
    ("loss", "events that could not be counted, by place"),
];

/// A line of the overview.
#[derive(Debug)]
struct Row {
    subject: &'static str,
    text: String,
    /// Whether the line belongs to the subject above.
    is_below: bool,
    is_alarm: bool,
    /// The tab with the details.
    tab: &'static str,
}

impl Row {
    fn new(subject: &'static str, tab: &'static str, text: String) -> Self {
        Self {
            subject,
            text,
            is_below: false,
            is_alarm: false,
            tab,
        }
    }

    /// Another row of the same subject.
    fn below(&self, text: String) -> Self {
        Self {
            is_below: true,
            ..Self::new(self.subject, self.tab, text)
        }
    }

    fn with_alarm(self, is_alarm: bool) -> Self {
        Self { is_alarm, ..self }
    }

    /// Whether the row contains the filter's text, which is lower case.
    fn has(&self, filter: &str) -> bool {
        self.subject.contains(filter) || self.text.to_lowercase().contains(filter)
    }

    fn line(&self) -> String {
        let subject = if self.is_below { "" } else { self.subject };
        let indent = if self.is_below { "  " } else { "" };
        format!("{}{indent}{}", fit::pad(subject, SUBJECT, false), self.text)
    }
}

/// The overview.
#[derive(Debug, Default)]
pub(super) struct Overview {
    rows: Vec<Row>,
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
        self.rows = rows(scene.snapshot);
        self.rows.retain(|row| row.has(scene.filter));
        // Rows have no identity: the selection keeps its place.
        self.cursor.update((0..self.rows.len() as u64).collect());
    }

    fn on(&mut self, action: Action, _: &Scene<'_>, page: usize) -> Effect {
        let row = self.cursor.selected().and_then(|at| self.rows.get(at));
        match (action, row) {
            (Action::Open, Some(row)) => Effect::Show(row.tab),
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
        let selected = self.cursor.selected();
        let columns = usize::from(area.width);
        let height = usize::from(area.height);
        let first = first_shown(selected.unwrap_or(0), self.rows.len(), height);
        let visible = self.rows.iter().enumerate().skip(first);
        for (y, (at, row)) in (0..area.height).zip(visible) {
            let style = match (selected == Some(at), row.is_alarm) {
                (true, _) => scene.theme.selected(),
                (false, true) => scene.theme.alarm(),
                (false, false) => Style::new(),
            };
            let line = fit::cut_end(&row.line(), columns);
            put(buffer, area, y, &fit::pad(&line, columns, false), style);
        }
    }

    fn hints(&self) -> &'static [Hint] {
        const OPEN: Hint = (&[Action::Open], "go to its tab");
        &[keys::FILTER, OPEN]
    }

    fn words(&self) -> &'static [Word] {
        WORDS
    }
}

fn rows(snapshot: &Snapshot) -> Vec<Row> {
    let subjects = [
        findings(snapshot),
        deadlocks(snapshot),
        zombies(snapshot),
        reclaim(snapshot),
        waits(snapshot),
        loss(snapshot),
    ];
    subjects.into_iter().flatten().collect()
}

/// The line of an absent section, with the reason.
fn unknown<T>(section: &Section<T>) -> Option<String> {
    let reason = section.reason.as_ref()?;
    Some(format!("not known: {}", sanitized(reason)))
}

fn findings(snapshot: &Snapshot) -> Vec<Row> {
    let row = |text| Row::new("findings", "findings", text);
    if let Some(why) = unknown(&snapshot.findings) {
        return vec![row(why)];
    }
    let items = snapshot.findings.items.iter();
    let open: Vec<_> = items.filter(|finding| !finding.resolved).collect();
    if open.is_empty() {
        // Absent sections have no findings either.
        let text = match snapshot.absences().count() {
            0 => "none".to_owned(),
            absent => format!(
                "none in what can be had: {} cannot",
                units::things(absent as u64, "section")
            ),
        };
        return vec![row(text)];
    }
    let all = [Severity::Critical, Severity::Warn, Severity::Info];
    let counts = all.into_iter().filter_map(|severity| {
        let count = open.iter().filter(|one| one.severity == severity).count();
        (count > 0).then(|| format!("{count} {}", severity.as_str()))
    });
    let first = row(counts.collect::<Vec<_>>().join(", "));
    let below = open.iter().take(MAX_ROWS).map(|finding| {
        first
            .below(finding.sentence.clone())
            .with_alarm(finding.severity == Severity::Critical)
    });
    let below: Vec<Row> = below.collect();
    std::iter::once(first).chain(below).collect()
}

fn deadlocks(snapshot: &Snapshot) -> Vec<Row> {
    let row = |text| Row::new("deadlocks", "locks", text);
    if let Some(line) = summary::deadlock(snapshot) {
        let (_, text) = line.split_once(": ").unwrap_or_default();
        return vec![row(text.to_owned()).with_alarm(true)];
    }
    let text = match (&snapshot.judged, unknown(&snapshot.deadlocks)) {
        (Some(judged), None) => {
            let age_ns = snapshot.mono_ns.saturating_sub(judged.as_of_ns);
            let age = units::duration(Some(age_ns));
            format!("{}, as of {age} ago", locks::verdict(snapshot, judged))
        }
        (None, None) => "not known: nobody asked so far".to_owned(),
        (_, Some(why)) => why,
    };
    vec![row(text)]
}

fn zombies(snapshot: &Snapshot) -> Vec<Row> {
    let row = |text| Row::new("zombies", "zombies", text);
    if let Some(why) = unknown(&snapshot.memcgs) {
        return vec![row(why)];
    }
    let mut all = zombies::list(snapshot);
    let text = match (snapshot.memcgs.truncated_at, snapshot.totals.zombies) {
        (Some(bound), _) => format!("{} among the first {bound} memcgs", all.len()),
        (None, Some(0)) => "none".to_owned(),
        (None, count) if all.iter().all(|zombie| pinned_bytes(zombie).is_none()) => {
            format!("{}; what they pin is not known", units::count(count))
        }
        (None, count) => units::count(count),
    };
    let others = snapshot.dying.as_deref().and_then(dying::count);
    let first = row(others
        .into_iter()
        .fold(text, |text, more| format!("{text}, {more}")));
    all.retain(|zombie| pinned_bytes(zombie) > Some(0));
    all.sort_by_key(|zombie| std::cmp::Reverse(pinned_bytes(zombie)));
    let below = all.iter().take(MAX_ROWS).map(|zombie| {
        let bytes = units::bytes(pinned_bytes(zombie));
        let is_part = zombie.lru_pages.is_none() || zombie.own_cost_bytes.is_none();
        let more = if is_part { " or more" } else { "" };
        first.below(format!(
            "{bytes:>9}{more}  {}",
            names::path(Some(&zombie.id))
        ))
    });
    let below: Vec<Row> = below.collect();
    std::iter::once(first).chain(below).collect()
}

/// Pages of the zombie and memory of the kernel that it takes itself, as far as either is known.
fn pinned_bytes(zombie: &Zombie) -> Option<u64> {
    let pages = zombie
        .lru_pages
        .map(|pages| pages.saturating_mul(PAGE_BYTES));
    match (pages, zombie.own_cost_bytes) {
        (None, None) => None,
        (pages, own) => Some(pages.unwrap_or(0).saturating_add(own.unwrap_or(0))),
    }
}

fn reclaim(snapshot: &Snapshot) -> Vec<Row> {
    let row = |text| Row::new("reclaim", "reclaim", text);
    if let Some(why) = unknown(&snapshot.reclaim) {
        return vec![row(why)];
    }
    let items = snapshot.reclaim.items.iter();
    let stalls = |row: &&Reclaim| row.stall_ns_per_sec.unwrap_or(0.0);
    let waiting = items.filter(|row| stalls(row) > 0.0);
    let worst = waiting.max_by(|a, b| stalls(a).total_cmp(&stalls(b)));
    let text = match worst {
        Some(worst) => {
            let memcg = names::path(worst.memcg.as_deref());
            let stall = units::time_share(worst.stall_ns_per_sec);
            let cause = names::cause(worst.count.cause);
            let limit = match worst.limited_by {
                Some(_) => format!(", limit: {}", names::limited_by(worst)),
                None => String::new(),
            };
            format!("{memcg} waits {stall} a second ({cause}{limit})")
        }
        // A wait that is still in progress is in the line of waits.
        None => "no wait ended in the last interval".to_owned(),
    };
    vec![row(text)]
}

fn waits(snapshot: &Snapshot) -> Vec<Row> {
    let mut longest: Vec<(u64, Row)> = Vec::new();
    let for_locks = match unknown(&snapshot.lock_waits) {
        Some(why) => format!("for locks {why}"),
        None => {
            let waits = &snapshot.lock_waits.items;
            longest.extend(waits.iter().map(|wait| {
                let task = names::task(Some(&wait.facts.task));
                let mut text = format!("{task} for {}", names::lock(&wait.facts.resource));
                if wait.facts.owner.is_some() {
                    text = text + ", held by " + &names::task(wait.facts.owner.as_ref());
                }
                let text = unsure(text, wait.facts.unconfirmed);
                (wait.waited_ns, Row::new("waits", "locks", text))
            }));
            format!("{} seen for locks", units::count(Some(waits.len() as u64)))
        }
    };
    let for_reclaim = match unknown(&snapshot.reclaim) {
        Some(why) => format!("for reclaim {why}"),
        None => {
            let rows = snapshot.reclaim.items.iter();
            let stalls: Vec<_> = rows.flat_map(|row| &row.stalls).collect();
            longest.extend(stalls.iter().map(|stall| {
                let text = format!("{} for reclaim", names::task(Some(&stall.task)));
                let text = unsure(text, stall.unconfirmed);
                let waited_ns = snapshot.mono_ns.saturating_sub(stall.since_ns);
                (waited_ns, Row::new("waits", "reclaim", text))
            }));
            format!("{} for reclaim", units::count(Some(stalls.len() as u64)))
        }
    };
    longest.sort_by_key(|(waited_ns, _)| std::cmp::Reverse(*waited_ns));
    let below = longest.into_iter().take(MAX_ROWS).map(|(waited_ns, row)| {
        let waited = units::duration(Some(waited_ns));
        Row {
            text: format!("{waited:>9}  {}", row.text),
            is_below: true,
            ..row
        }
    });
    let first = Row::new("waits", "locks", format!("{for_locks}, {for_reclaim}"));
    std::iter::once(first).chain(below).collect()
}

fn unsure(text: String, unconfirmed: bool) -> String {
    match unconfirmed {
        true => text + " (may be over)",
        false => text,
    }
}

fn loss(snapshot: &Snapshot) -> Vec<Row> {
    let lost = snapshot.losses.iter().filter_map(|loss| {
        let place = sanitized(&loss.place);
        match loss.lost_total {
            Some(0) => None,
            Some(lost) => Some(format!("{place} {}", units::count(Some(lost)))),
            None => Some(format!("{place} not known")),
        }
    });
    let places: Vec<String> = lost.collect();
    let text = match (snapshot.losses.is_empty(), places.is_empty()) {
        (true, _) => "not known: no counter was read".to_owned(),
        (false, true) => "none".to_owned(),
        (false, false) => format!("{}: {}", summary::lost(snapshot), places.join(", ")),
    };
    let row = Row::new("loss", "overview", text);
    vec![row.with_alarm(snapshot.has_lost_much())]
}
