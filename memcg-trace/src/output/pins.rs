//! Pins of zombies, for people: the verdict first, then the ledger, then what would free them.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::table::Style;
use super::{advice, dying, figures, fit, known, names, records, summary, text};
use crate::model::known::About;
use crate::model::pins::words::{self, grouped};
use crate::model::snapshot::{Pins, Snapshot};
use crate::model::zombies;
use crate::sample::pins::{Object, ObjectKind, Pin, PinKind, User, UserKind};
use crate::sample::recording::Host;
use crate::sample::sanitized;
use crate::units::{self, PAGE_BYTES};

/// Maximum number of listed objects of one kind.
const MAX_OBJECTS: usize = 8;
/// Maximum number of objects of one kind that are compared with each other.
const MAX_COMPARED: usize = 256;
/// Maximum number of listed processes of one object.
const MAX_USERS: usize = 4;
/// Columns of the ledger: kind, references, pages, bytes.
const WIDTHS: [usize; 4] = [18, 9, 9, 11];

/// Writes some answers of a snapshot, and what they could not check.
#[must_use]
pub fn render(
    snapshot: &Snapshot,
    items: &[&Pins],
    open: &[String],
    host: &Host,
    style: Style,
) -> String {
    let mut all = text::heading(snapshot, host);
    all.push('\n');
    let _ = writeln!(all, "{}", summary::population(snapshot));
    if let Some(line) = dying::explanation(snapshot) {
        let _ = writeln!(all, "{line}");
    }
    let mut text = cut(&all, style);
    for pins in items {
        text.push('\n');
        text += &one(pins, snapshot.mono_ns, style);
    }
    text += &known::seen(snapshot, About::Zombies, style);
    if !open.is_empty() {
        text += &cut(&format!("\n{}\n", open.join("\n")), style);
    }
    text
}

fn cut(text: &str, style: Style) -> String {
    let fitted = |line: &str| match style.columns {
        Some(columns) => fit::cut_end(line, columns),
        None => line.to_owned(),
    };
    text.lines().map(|line| fitted(line) + "\n").collect()
}

/// The zombies of a snapshot that have no answer.
#[must_use]
pub fn unanswered(snapshot: &Snapshot) -> u64 {
    let answered: HashSet<u64> = snapshot
        .pins
        .items
        .iter()
        .map(|item| item.zombie.serial_nr)
        .collect();
    let zombies = zombies::list(snapshot).into_iter();
    zombies
        .filter(|zombie| !answered.contains(&zombie.id.serial_nr))
        .count() as u64
}

/// Writes one answer.
#[must_use]
pub fn one(pins: &Pins, now_ns: u64, style: Style) -> String {
    let mut report = Report {
        text: String::new(),
        style,
    };
    let path = names::path(Some(&pins.zombie));
    report.coloured(&format!("{path}: {}", pins.sentence), 4);
    report.line(&facts(pins, now_ns), 2);
    report.text.push('\n');
    report.ledger(pins);
    for open in &pins.found.not_checked {
        let kind = words::kind(open.kind);
        report.line(
            &format!("not checked: {kind}: {}", sanitized(&open.reason)),
            4,
        );
    }
    report.line(&how(pins), 2);
    if !pins.advice.is_empty() {
        report.text += "\nwhat would free it\n";
    }
    for advice in &pins.advice {
        let then = if advice.step > 1 { "then " } else { "" };
        report.line(&format!("  {then}{}", advice::line(advice)), 6);
        report.line(&format!("      {}", advice.why), 6);
        if let Some(bound) = advice::bound(advice) {
            report.line(&format!("      {bound}"), 6);
        }
    }
    report.text
}

fn facts(pins: &Pins, now_ns: u64) -> String {
    let refs = pins
        .found
        .refs
        .map_or_else(|| units::UNKNOWN.to_owned(), signed);
    let (phase, css) = match (pins.is_cgroup, pins.phase) {
        (true, _) => ("its memcg is gone, the cgroup is not", String::new()),
        (false, phase) => (
            phase.map_or("phase not known", |phase| phase.as_str()),
            format!("css:{} ", pins.zombie.css_id),
        ),
    };
    format!(
        "{phase}, refs {refs}, found {}, {css}ino:{}, looked at {} ago",
        grouped(pins.found_refs()),
        pins.zombie.cgroup_id,
        units::duration(Some(now_ns.saturating_sub(pins.look.end_ns))),
    )
}

fn signed(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    sign.to_owned() + &grouped(number.unsigned_abs())
}

/// The cost of the walk.
fn how(pins: &Pins) -> String {
    let look = &pins.look;
    let mut text = format!(
        "found by looking at {} {} and {} other {} in {}",
        grouped(look.visited_pages),
        units::noun(look.visited_pages, "page"),
        grouped(look.visited_objects),
        units::noun(look.visited_objects, "object"),
        units::duration(Some(look.took_ns)),
    );
    if let Some(because) = &look.all_pages_because {
        text += &format!("; at all pages of the host: {}", sanitized(because));
    }
    text
}

struct Report {
    text: String,
    style: Style,
}

impl Report {
    fn lines(&self, line: &str, indent: usize) -> Vec<String> {
        match self.style.columns {
            Some(columns) => fit::wrapped(line, columns, indent),
            None => vec![line.to_owned()],
        }
    }

    /// Indents the lines after the first.
    fn line(&mut self, line: &str, indent: usize) {
        for line in self.lines(line, indent) {
            let _ = writeln!(self.text, "{}", line.trim_end());
        }
    }

    /// Marks a line that should be seen first.
    fn coloured(&mut self, line: &str, indent: usize) {
        let (begin, end) = match self.style.colour {
            true => ("\x1b[1m", "\x1b[0m"),
            false => ("", ""),
        };
        for line in self.lines(line, indent) {
            let _ = writeln!(self.text, "{begin}{}{end}", line.trim_end());
        }
    }

    fn ledger(&mut self, pins: &Pins) {
        let heading = |key| figures::heading::<records::Pin<'_>>(key);
        let title = |key| heading(key).map_or("", |heading| heading.title);
        self.figures(["kind", "refs", "pages", "bytes"].map(|key| title(key).to_owned()));
        for pin in &pins.found.pins {
            self.kind(pins, pin);
        }
        let unexplained = pins
            .unexplained_refs
            .map_or_else(|| units::UNKNOWN.to_owned(), signed);
        self.figures([
            "unexplained".to_owned(),
            unexplained,
            String::new(),
            String::new(),
        ]);
    }

    fn figures(&mut self, cells: [String; 4]) {
        let mut line = String::new();
        for (at, (cell, width)) in cells.iter().zip(WIDTHS).enumerate() {
            line += &fit::pad(cell, width, at > 0);
        }
        let columns = self.style.columns.unwrap_or(usize::MAX);
        let _ = writeln!(self.text, "{}", fit::cut_end(line.trim_end(), columns));
    }

    fn kind(&mut self, pins: &Pins, pin: &Pin) {
        let pages = pin.pages.map_or_else(|| units::UNKNOWN.to_owned(), grouped);
        let bytes = pin.pages.map(|pages| pages.saturating_mul(PAGE_BYTES));
        self.figures([
            words::kind(pin.kind).to_owned(),
            grouped(pin.refs),
            pages,
            units::bytes(bytes),
        ]);
        if let Some(bound) = pin.truncated_at {
            let (bound, references) = (grouped(bound), units::noun(bound, "reference"));
            self.line(
                &format!("    counting stopped after {bound} {references}"),
                6,
            );
        }
        let holders = alike(pins, pin);
        // A single object has all references of its kind.
        let is_alone = holders.len() == 1 && pin.objects_omitted == 0;
        for (refs, holder) in holders.iter().take(MAX_OBJECTS) {
            // Parts that share one reference have none of their own. All pages in swap share one
            // reference.
            let refs = match is_alone || *refs == 0 || pin.kind == PinKind::Swap {
                true => String::new(),
                false => grouped(*refs) + " ",
            };
            self.line(&format!("    {refs}{}", holder.name), 8);
            for user in &holder.users {
                self.line(&format!("      {user}"), 10);
            }
        }
        let left_out = holders.len().saturating_sub(MAX_OBJECTS)
            + pin.objects.len().saturating_sub(MAX_COMPARED);
        if let Some(more) = more(pin.objects_omitted.saturating_add(left_out as u64)) {
            let _ = writeln!(self.text, "    {more}");
        }
    }
}

/// The holders of references, and the processes that keep them.
#[derive(PartialEq, Eq)]
struct Holder {
    name: String,
    users: Vec<String>,
}

/// The objects of a kind with their references; objects that look the same are shown as one.
fn alike(pins: &Pins, pin: &Pin) -> Vec<(u64, Holder)> {
    let mut all: Vec<(u64, Holder)> = Vec::new();
    for object in pin.objects.iter().take(MAX_COMPARED) {
        let users = object.users.iter().take(MAX_USERS);
        let mut users: Vec<String> = users.map(|user| user_line(pins, user)).collect();
        if let Some(has_it) = words::nobody(pin.kind, object) {
            users.push(format!("nobody has it {has_it}"));
        }
        let left_out = object.users.len().saturating_sub(MAX_USERS) as u64;
        users.extend(more(left_out.saturating_add(object.users_omitted)));
        users.extend(not_found(object));
        let holder = Holder {
            name: describe(pins, object),
            users,
        };
        match all.iter_mut().find(|(_, one)| *one == holder) {
            Some((refs, _)) => *refs = refs.saturating_add(object.refs),
            None => all.push((object.refs, holder)),
        }
    }
    all
}

/// References that were not found, and the kinds that could not be scanned.
fn not_found(object: &Object) -> Option<String> {
    let mut text = words::not_found_text(object)?;
    let ways = object.held.iter().flat_map(|held| &held.not_checked);
    let ways: Vec<_> = ways.map(|way| sanitized(way)).collect();
    if !ways.is_empty() {
        text += &format!("; not looked at: {}", ways.join(", "));
    }
    Some(text)
}

fn more(left_out: u64) -> Option<String> {
    (left_out > 0).then(|| format!("… and {} more", grouped(left_out)))
}

/// An object, with what identifies it beyond its name.
fn describe(pins: &Pins, object: &Object) -> String {
    let mut text = words::object(pins, object);
    let mut details = Vec::new();
    let is_file = matches!(
        object.kind,
        ObjectKind::File | ObjectKind::DeletedFile | ObjectKind::Memfd
    );
    if is_file {
        details.extend(object.fs.as_ref().map(|fs| fs.display().into_owned()));
        details.extend(
            object
                .dev
                .as_ref()
                .map(|_| format!("device {}", words::device(object))),
        );
        details.extend(object.ino.map(|ino| format!("inode {ino}")));
        let links = object.links.filter(|links| *links > 1);
        details.extend(links.map(|links| format!("{} names", grouped(links))));
        let pid = object.path_of_pid;
        details.extend(pid.map(|pid| format!("in the mount namespace of process {pid}")));
    }
    if object.kind == ObjectKind::Socket {
        let namespace = object.ns_ino;
        details.extend(namespace.map(|ino| format!("network namespace {ino}")));
        details.extend(object.ino.map(|ino| format!("inode {ino}")));
    }
    if let Some(inodes) = object.inodes {
        let all = inodes.dirty.saturating_add(inodes.clean);
        let dirty = grouped(inodes.dirty);
        let noun = units::noun(all, "inode");
        details.push(format!("{} {noun}, {dirty} dirty", grouped(all)));
    }
    if let Some(mount) = &object.ns_mount {
        details.push(format!("mounted at {}", mount.display()));
    }
    let is_in_swap = object.kind == ObjectKind::SwapId || object.refs == 0;
    if let (Some(pages), true) = (object.pages, is_in_swap) {
        details.push(format!("{} {}", grouped(pages), units::noun(pages, "page")));
    }
    if !details.is_empty() {
        let _ = write!(text, " ({})", details.join(", "));
    }
    text
}

fn user_line(pins: &Pins, user: &User) -> String {
    let mut text = words::user(user);
    let how = match user.kind {
        UserKind::Open | UserKind::NamespaceFd => None,
        UserKind::Mapped => Some("maps it"),
        UserKind::Namespace => Some("is in the namespace"),
        UserKind::Member if user.state == Some('Z') => Some("has ended, not reaped"),
        UserKind::Member => Some("is exiting"),
        UserKind::Watches => Some("watches it"),
        UserKind::Receives => Some("has it in a message that it did not receive"),
        UserKind::Accepts => Some("has not accepted it"),
        UserKind::Peer => Some("has its other end"),
        UserKind::NamespaceFile => Some("a cgroup file opened in the namespace"),
        UserKind::NamespaceSocket => Some("has a socket in the namespace"),
        UserKind::FileSystem => Some("keeps its file system, which is not mounted"),
        UserKind::InPipe => Some("has it in a pipe"),
        UserKind::Runs => Some("runs it"),
        UserKind::WorksIn => Some("works in it"),
        UserKind::Loop => Some("is backed by it"),
        UserKind::Device => Some("is made of it"),
        UserKind::Mount => Some("has it as its root"),
        UserKind::Swap => Some("has it open"),
        UserKind::Ring => Some("has it registered with io_uring"),
        UserKind::Aio => Some("has it in asynchronous I/O"),
        UserKind::Kernel | UserKind::Other => Some("holds it"),
    };
    if let Some(how) = how {
        let _ = write!(text, ", {how}");
    }
    if let Some((pid, comm)) = &user.parent {
        let _ = write!(text, ", child of {}[{pid}]", comm.display());
    }
    // States in which the task cannot release a reference: waiting in the kernel, or stopped.
    if let Some(state) = user.state.filter(|state| matches!(state, 'D' | 'T' | 't')) {
        let _ = write!(text, ", state {state}");
    }
    if let Some(memcg) = pins.memcg(user.memcg_serial_nr) {
        let _ = write!(text, ", in {}", names::path(Some(memcg)));
    }
    text
}
