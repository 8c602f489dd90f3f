//! Waits and deadlocks, for people: deadlocks first, then the causes of other waits.

use std::fmt::Write as _;

use super::records::Convoy;
use super::table::{Style, Table, figure};
use super::{fit, known, lock_stats, names, open_ends, text, tree};
use crate::deadlock::{Edge, State, words};
use crate::model::known::About;
use crate::model::snapshot::{Deadlock, Judged, Outcome, Snapshot};
use crate::sample::recording::Host;
use crate::sample::sanitized;
use crate::sample::waits::Task;
use crate::units;

/// Maximum number of convoys in the list.
const MAX_CONVOYS: usize = 20;
/// Maximum number of victims and of zombies that are named for a deadlock.
const MAX_NAMED: usize = 8;

/// Writes the last answer of a snapshot.
#[must_use]
pub fn render(snapshot: &Snapshot, host: &Host, style: Style) -> String {
    let mut report = Report {
        text: String::new(),
        style,
    };
    report.line(&text::heading(snapshot, host), 2);
    report.text + &answer(snapshot, style)
}

/// Writes the last answer of a snapshot, without the heading.
#[must_use]
pub fn answer(snapshot: &Snapshot, style: Style) -> String {
    let mut report = Report {
        text: String::new(),
        style,
    };
    report.line(&overview(snapshot), 2);
    report.text + &details(snapshot, style)
}

/// Writes all of the last answer but its first sentence, which counts.
#[must_use]
pub fn details(snapshot: &Snapshot, style: Style) -> String {
    let mut report = Report {
        text: String::new(),
        style,
    };
    for deadlock in &snapshot.deadlocks.items {
        report.deadlock(deadlock, snapshot.mono_ns);
    }
    report.text += &known::seen(snapshot, About::Waits, style);
    for line in open_ends::lines(snapshot) {
        report.line(&line, 4);
    }
    convoys(snapshot).write(&mut report.text, style);
    let lines = tree::lines(snapshot);
    if !lines.is_empty() {
        report.text.push('\n');
        report.heading("who holds, and who waits for it");
    }
    for line in lines {
        // Wrapped lines would destroy the shape of the tree.
        let columns = style.columns.unwrap_or(usize::MAX);
        report.coloured(&fit::cut_end(&line.text, columns), line.is_alarm);
    }
    if snapshot.lock_stats.is_known() {
        report.text.push('\n');
        lock_stats::table(&snapshot.lock_stats.items).write(&mut report.text, style);
        for line in lock_stats::details(snapshot) {
            report.line(&line, 4);
        }
    }
    for open in not_checked(snapshot) {
        report.line(&format!("not checked: {open}"), 4);
    }
    report.text
}

/// Counts of deadlocks and waits, in a line.
#[must_use]
pub fn overview(snapshot: &Snapshot) -> String {
    let Some(judged) = &snapshot.judged else {
        let reason = snapshot.waits.reason.as_deref().unwrap_or("not known why");
        return format!("who waits for whom is not known: {}", sanitized(reason));
    };
    let mut text = verdict(snapshot, judged);
    let _ = write!(
        text,
        "; {} of the kernel; {} of more than {} judged",
        units::things(snapshot.waits.items.len() as u64, "long wait"),
        units::things(judged.judged_waits, "wait"),
        units::duration(Some(judged.min_wait_ns)),
    );
    let times = match judged.looks {
        1 => "once",
        _ => "twice",
    };
    let _ = write!(
        text,
        "; {} looked at {times}, {} ago, in {}",
        units::things(judged.visited_tasks, "task"),
        units::duration(Some(snapshot.mono_ns.saturating_sub(judged.as_of_ns))),
        units::duration(snapshot.waits.took_ns),
    );
    text
}

/// The verdict in a few words: deadlocks, none, or undecided, with the ends of undecided waits.
#[must_use]
pub fn verdict(snapshot: &Snapshot, judged: &Judged) -> String {
    let deadlocks = &snapshot.deadlocks.items;
    let count = |state| {
        deadlocks
            .iter()
            .filter(|one| one.found.state == state)
            .count() as u64
    };
    let mut text = match (count(State::Confirmed), count(State::Suspected)) {
        (0, 0) if judged.undecided_waits > 0 => "undecided: no deadlock proven".to_owned(),
        (0, 0) if judged.outcome == Outcome::Undecided => {
            "undecided: no deadlock found, but not everything could be looked at".to_owned()
        }
        (0, 0) => "no deadlock".to_owned(),
        (0, suspected) => format!("no deadlock proven, {suspected} suspected"),
        (confirmed, 0) => units::things(confirmed, "deadlock"),
        (confirmed, suspected) => {
            let confirmed = units::things(confirmed, "deadlock");
            format!("{confirmed}, {suspected} more suspected")
        }
    };
    if judged.undecided_waits > 0 {
        let _ = write!(text, ", and {}", open_ends::sum(judged));
    }
    text
}

/// The parts that the answer could not check.
pub(super) fn not_checked(snapshot: &Snapshot) -> Vec<String> {
    let judged = snapshot.judged.as_deref();
    let open = judged.into_iter().flat_map(|judged| &judged.not_checked);
    let mut open: Vec<String> = open
        .map(|one| format!("{}: {}", sanitized(&one.what), sanitized(&one.reason)))
        .collect();
    if let Some(bound) = snapshot.waits.truncated_at {
        open.push(format!("tasks: the walk stopped after {bound}"));
    }
    if snapshot.judged.is_some() && snapshot.lost_total() > 0 {
        open.push("waits that were lost, see above".to_owned());
    }
    open
}

/// The roots of long waits.
pub(super) fn convoys(snapshot: &Snapshot) -> Table {
    let columns = [
        figure("max_wait_ns"),
        figure("waiters"),
        figure("verdict"),
        figure("root_task"),
        figure("holds"),
        figure("why"),
    ];
    let all = &snapshot.convoys.items;
    let judged = snapshot.judged.as_deref();
    let omitted = judged.map_or(0, |judged| judged.convoys_omitted);
    let omitted = usize::try_from(omitted).unwrap_or(usize::MAX);
    let rows: Vec<Convoy> = all.iter().take(MAX_CONVOYS).map(Convoy::from).collect();
    let left_out = all.len().saturating_sub(MAX_CONVOYS);
    Table::of(&columns, &rows, left_out.saturating_add(omitted))
}

struct Report {
    text: String,
    style: Style,
}

impl Report {
    /// Indents the lines after the first.
    fn line(&mut self, line: &str, indent: usize) {
        let lines = match self.style.columns {
            Some(columns) => fit::wrapped(line, columns, indent),
            None => vec![line.to_owned()],
        };
        for line in lines {
            let _ = writeln!(self.text, "{}", line.trim_end());
        }
    }

    fn heading(&mut self, line: &str) {
        let (begin, end) = match self.style.colour {
            true => ("\x1b[1m", "\x1b[0m"),
            false => ("", ""),
        };
        let _ = writeln!(self.text, "{begin}{line}{end}");
    }

    fn coloured(&mut self, line: &str, is_alarm: bool) {
        let (begin, end) = match self.style.colour && is_alarm {
            true => ("\x1b[31m", "\x1b[0m"),
            false => ("", ""),
        };
        let _ = writeln!(self.text, "{begin}{line}{end}");
    }

    fn deadlock(&mut self, deadlock: &Deadlock, now_ns: u64) {
        let found = &deadlock.found;
        let what = match found.state {
            State::Confirmed => "DEADLOCK",
            State::Suspected => "SUSPECTED DEADLOCK",
            State::Resolved => "RESOLVED DEADLOCK",
        };
        let sentence = format!("{what} {:016x}: {}", found.cycle_id, found.sentence);
        self.text.push('\n');
        let lines = match self.style.columns {
            Some(columns) => fit::wrapped(&sentence, columns, 2),
            None => vec![sentence],
        };
        for line in lines {
            self.coloured(line.trim_end(), found.state == State::Confirmed);
        }
        self.line(&format!("  {}", times(deadlock, now_ns)), 4);
        for missing in &found.missing {
            self.line(&format!("  not proven: {missing}"), 4);
        }
        if found.is_lossy {
            self.line("  something was lost or cut off while it was looked for", 4);
        }
        for edge in &found.edges {
            self.edge(deadlock, edge, now_ns);
        }
        if found.edges_omitted > 0 {
            let waits = units::noun(found.edges_omitted, "wait");
            self.line(&format!("  … and {} more {waits}", found.edges_omitted), 4);
        }
        let victims: Vec<String> = found.victims.iter().map(words::task).collect();
        self.names("  behind it: ", victims, found.victims_omitted);
        let blocked = deadlock.blocked_zombies.iter();
        let blocked = blocked.map(|id| names::path(Some(id))).collect();
        self.names("  zombies that cannot go while it lasts: ", blocked, 0);
        for one in &found.breakable_by {
            let comm = one.comm.display();
            let signal = <&str>::from(one.signal);
            let line = format!("  would break it: {signal} to {comm}[{}]", one.pid);
            self.line(&line, 4);
        }
        if found.breakable_by.is_empty() && found.state == State::Confirmed {
            self.line("  no signal is known that would break it", 4);
        }
    }

    fn edge(&mut self, deadlock: &Deadlock, edge: &Edge, now_ns: u64) {
        let members = &deadlock.found.members;
        let (Some(from), Some(to)) = (members.get(edge.from), members.get(edge.to)) else {
            return;
        };
        let state = names::state(from.state).map_or_else(String::new, |state| format!(" {state}"));
        let mut line = format!(
            "  {} ({}{state}, {}",
            words::edge(edge, from, to),
            path(deadlock, from),
            <&str>::from(edge.evidence),
        );
        if let Some(since_ns) = edge.since_ns {
            let lasts_ns = now_ns.saturating_sub(since_ns);
            let _ = write!(line, ", for {}", units::duration(Some(lasts_ns)));
        }
        if let Some(tries) = edge.tries_total {
            let _ = write!(line, ", tried {}", units::things(tries, "time"));
        }
        line.push(')');
        self.line(&line, 4);
        if !edge.stack.is_empty() {
            let stack: Vec<_> = edge.stack.iter().map(|symbol| sanitized(symbol)).collect();
            self.line(&format!("      {}", stack.join(" < ")), 8);
        }
    }

    fn names(&mut self, what: &str, mut names: Vec<String>, more: u64) {
        if names.is_empty() {
            return;
        }
        let left_out = more + names.len().saturating_sub(MAX_NAMED) as u64;
        names.truncate(MAX_NAMED);
        if left_out > 0 {
            names.push(format!("{left_out} more"));
        }
        self.line(&format!("{what}{}", names.join(", ")), 4);
    }
}

pub(super) fn path(deadlock: &Deadlock, task: &Task) -> String {
    let serial_nr = task.memcg_serial_nr;
    let memcg = serial_nr.and_then(|serial_nr| deadlock.memcgs.get(&serial_nr));
    names::path(memcg.map(|id| &**id))
}

/// When the cycle closed, and when that was proven.
pub(super) fn times(deadlock: &Deadlock, now_ns: u64) -> String {
    let found = &deadlock.found;
    let ago = |ns: u64| units::duration(Some(now_ns.saturating_sub(ns)));
    let mut text = match (found.close_ns, found.close_after_ns) {
        (Some(close_ns), _) => format!("closed {} ago", ago(close_ns)),
        (None, Some(after_ns)) if found.close_before_ns < found.candidate_ns => format!(
            "closed between {} and {} ago; nobody saw it",
            ago(after_ns),
            ago(found.close_before_ns)
        ),
        (None, Some(after_ns)) => format!("closed {} ago or later; nobody saw it", ago(after_ns)),
        (None, None) => "nobody saw when it closed".to_owned(),
    };
    if let Some(confirmed_ns) = found.confirmed_ns {
        let _ = write!(text, "; confirmed {} ago", ago(confirmed_ns));
        if let Some(close_ns) = found.close_ns {
            let took_ns = confirmed_ns.saturating_sub(close_ns);
            let _ = write!(text, ", {} after", units::duration(Some(took_ns)));
        }
    }
    if let Some(resolved_ns) = deadlock.resolved_ns {
        let _ = write!(text, "; gone {} ago", ago(resolved_ns));
    }
    text
}
