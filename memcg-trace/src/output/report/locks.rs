//! Who waits for whom: proofs first, with stacks and lock words, then other long waits.

use std::collections::BTreeSet;

use super::page::Page;
use super::{ending, header};
use crate::deadlock::{self, Cause, Edge, State, table, words};
use crate::model::known::About;
use crate::model::snapshot::{Convoy, Deadlock, Snapshot, Wait};
use crate::output::{locks as text, names, open_ends};
use crate::sample::recording::Host;
use crate::sample::waits::{Resource, Task};
use crate::sample::{ResourceKind, sanitized};
use crate::units;

/// Maximum number of long waits outside of deadlocks that are described.
const MAX_WAITS: usize = 20;
/// Maximum number of convoys that are described.
const MAX_CONVOYS: usize = 20;
/// Bits of an owner word that are flags.
const FLAGS: u64 = 7;

/// Writes the last answer of a snapshot.
#[must_use]
pub fn locks(snapshot: &Snapshot, host: &Host) -> String {
    let mut page = header::start(&subject(snapshot), snapshot, host);
    page.empty();
    page.line(&text::overview(snapshot), 2);
    let standing = || {
        let all = snapshot.deadlocks.items.iter();
        all.filter(|one| one.resolved_ns.is_none())
    };
    for deadlock in standing() {
        proven(&mut page, deadlock, snapshot);
    }
    let told: BTreeSet<u64> = standing()
        .flat_map(|one| one.found.members.iter())
        .map(|task| task.addr)
        .collect();
    others(&mut page, snapshot, &told);
    ending::end(
        page,
        snapshot,
        &[About::Waits],
        &text::not_checked(snapshot),
    )
}

/// Writes the proof of one deadlock.
#[must_use]
pub fn proof(deadlock: &Deadlock, snapshot: &Snapshot) -> String {
    let mut page = Page::default();
    proven(&mut page, deadlock, snapshot);
    page.into_text()
}

fn subject(snapshot: &Snapshot) -> String {
    let deadlocks = snapshot.deadlocks.items.iter();
    let found = deadlocks.filter(|one| one.resolved_ns.is_none());
    let mut found = found.map(|one| &*one.found);
    let Some(first) = found.next() else {
        let waits = units::things(snapshot.waits.items.len() as u64, "long wait");
        return format!("{waits}, no deadlock proven");
    };
    let cycle = first.edges.iter().take(first.cycle_edges);
    let mut things: Vec<String> = cycle.map(|edge| thing(&edge.resource)).collect();
    things.dedup();
    let tasks = units::things(first.members.len() as u64, "task");
    let suspected = match first.state {
        State::Suspected => "suspected ",
        State::Confirmed | State::Resolved => "",
    };
    format!("{suspected}deadlock of {tasks}: {}", things.join(", "))
}

/// A resource without what is only of this host.
fn thing(resource: &Resource) -> String {
    match &resource.name {
        Some(name) => sanitized(name).into_owned(),
        None => words::kind(resource.kind).to_owned(),
    }
}

fn proven(page: &mut Page, deadlock: &Deadlock, snapshot: &Snapshot) {
    let found = &deadlock.found;
    page.section(match found.state {
        State::Confirmed | State::Resolved => "Proof",
        State::Suspected => "Suspicion",
    });
    page.line(&found.sentence, 0);
    page.empty();
    match found.state {
        State::Confirmed => page.line(&how(found), 0),
        _ => page.line("It is not proven:", 0),
    }
    for missing in &found.missing {
        page.line(&format!("- {}", sanitized(missing)), 2);
    }
    if found.is_lossy {
        page.line("Something was lost or cut off while it was looked for.", 0);
    }
    page.line(&text::times(deadlock, snapshot.mono_ns), 0);
    for (at, task) in found.members.iter().enumerate() {
        page.empty();
        member(page, deadlock, at, task, snapshot.mono_ns);
    }
    lock_words(page, deadlock);
    page.empty();
    let victims: Vec<String> = found.victims.iter().map(words::task).collect();
    if !victims.is_empty() {
        page.line(&format!("Behind it: {}", victims.join(", ")), 2);
    }
    for one in &found.breakable_by {
        let comm = one.comm.display();
        page.line(
            &format!(
                "Would break it: {} to {comm}[{}]",
                <&str>::from(one.signal),
                one.pid
            ),
            2,
        );
    }
    if found.breakable_by.is_empty() {
        page.line("No signal is known that would break it.", 0);
    }
}

/// Why a proof is one.
fn how(found: &deadlock::Deadlock) -> String {
    let retries = match found.edges.iter().any(|edge| edge.is_retry) {
        true => ", but for one that tries again and again at the same place",
        false => "",
    };
    format!(
        "All tasks were looked at twice. None of those in the deadlock ran in between{retries}, and \
         no lock changed its owner; none of the waits and holders is a guess."
    )
}

/// A task, what it waits for, and where.
fn member(page: &mut Page, deadlock: &Deadlock, at: usize, task: &Task, now_ns: u64) {
    page.line(
        &format!(
            "{}: {}",
            words::task(task),
            about(task, &text::path(deadlock, task))
        ),
        2,
    );
    let found = &deadlock.found;
    let edges: Vec<&Edge> = found.edges.iter().filter(|edge| edge.from == at).collect();
    for edge in &edges {
        if let Some(to) = found.members.get(edge.to) {
            page.line(&format!("  {}", words::edge(edge, task, to)), 4);
            page.line(&format!("  ({})", evidence(edge, now_ns)), 4);
        }
    }
    let stack = edges.iter().find(|edge| !edge.stack.is_empty());
    page.stack(
        stack.map(|edge| &*edge.stack).unwrap_or_default(),
        task.state,
    );
}

fn about(task: &Task, path: &str) -> String {
    let state = names::state(task.state);
    let state = state.map_or_else(|| units::UNKNOWN.to_owned(), |state| state.to_string());
    let kind = if task.kernel_thread {
        ", thread of the kernel"
    } else {
        ""
    };
    format!("pid {}, state {state}, in {path}{kind}", task.pid)
}

fn evidence(edge: &Edge, now_ns: u64) -> String {
    let mut text = format!("evidence: {}", <&str>::from(edge.evidence));
    if let Some(function) = &edge.function {
        text += &format!("; recognised by {}()", sanitized(function));
    }
    if let Some(since_ns) = edge.since_ns {
        let lasts = units::duration(Some(now_ns.saturating_sub(since_ns)));
        text += &format!("; for {lasts}");
    }
    if let Some(tries) = edge.tries_total {
        text += &format!("; tried {}", units::things(tries, "time"));
    }
    text
}

/// The words in memory that say who has the locks of a deadlock.
fn lock_words(page: &mut Page, deadlock: &Deadlock) {
    let found = &deadlock.found;
    let mut locks: Vec<&Resource> = Vec::new();
    for edge in found
        .edges
        .iter()
        .filter(|edge| table::is_lock(edge.resource.kind))
    {
        if locks.iter().all(|lock| lock.addr != edge.resource.addr) {
            locks.push(&edge.resource);
        }
    }
    page.empty();
    page.raw(match locks.is_empty() {
        true => "lock words: none, no lock is part of it",
        false => "lock words:",
    });
    for lock in locks {
        let word = match lock.owner_word {
            Some(word) => owner(lock.kind, word, found.members.iter().chain(&found.victims)),
            None => format!("a {} has no owner word", words::kind(lock.kind)),
        };
        let name = words::resource(lock);
        page.line(&format!("  {name} at {:#x}: {word}", lock.addr), 4);
    }
}

/// An owner word: the task, and the flags (kernel/locking: mutex.c, rwsem.c, rtmutex_common.h).
fn owner<'a>(kind: ResourceKind, word: u64, mut tasks: impl Iterator<Item = &'a Task>) -> String {
    let (addr, flags) = (word & !FLAGS, word & FLAGS);
    let names: &[&str] = match kind {
        ResourceKind::Mutex => &["WAITERS", "HANDOFF", "PICKUP"],
        ResourceKind::Rwsem => &["READER_OWNED", "NONSPINNABLE"],
        ResourceKind::RtMutex => &["HAS_WAITERS"],
        _ => &[],
    };
    let set = names
        .iter()
        .enumerate()
        .filter(|(bit, _)| flags >> bit & 1 == 1);
    let set: Vec<&str> = set.map(|(_, name)| *name).collect();
    let task = match tasks.find(|task| task.addr == addr) {
        _ if addr == 0 => "no task".to_owned(),
        Some(task) => words::task(task),
        None => "a task that is not in this answer".to_owned(),
    };
    match set.is_empty() {
        true => format!("owner word {word:#x}: {task}"),
        false => format!("owner word {word:#x}: {task} | {}", set.join(" | ")),
    }
}

/// Causes of the other long waits, and these waits.
fn others(page: &mut Page, snapshot: &Snapshot, told: &BTreeSet<u64>) {
    let convoys = snapshot.convoys.items.iter();
    // Those of deadlocks are told already.
    let convoys = convoys.filter(|convoy| convoy.found.cause != Cause::Deadlock);
    let convoys: Vec<&Convoy> = convoys.collect();
    if !convoys.is_empty() {
        page.section("Roots of long waits");
    }
    for convoy in convoys.iter().take(MAX_CONVOYS) {
        root(page, convoy);
    }
    left_out(page, convoys.len().saturating_sub(MAX_CONVOYS), "root");
    for line in open_ends::lines(snapshot) {
        page.line(&line, 2);
    }
    let waits = snapshot.waits.items.iter();
    let waits = waits.filter(|wait| wait.task().is_some_and(|task| !told.contains(&task.addr)));
    let waits: Vec<&Wait> = waits.collect();
    if !waits.is_empty() {
        page.section("Other long waits");
    }
    for wait in waits.iter().take(MAX_WAITS) {
        long_wait(page, wait);
    }
    left_out(page, waits.len().saturating_sub(MAX_WAITS), "wait");
}

fn left_out(page: &mut Page, count: usize, one: &str) {
    if count > 0 {
        page.raw(&format!(
            "and {count} more {}",
            units::noun(count as u64, one)
        ));
    }
}

fn root(page: &mut Page, convoy: &Convoy) {
    let found = &convoy.found;
    let resource = words::resource(&found.resource);
    let root = match (&found.root, found.cause) {
        (Some(task), _) => format!("{} has {resource}", words::task(task)),
        (None, Cause::Orphaned) => format!("no task has {resource}"),
        (None, _) => format!("who has {resource} is not known"),
    };
    let waiters = units::things(found.waiters, "task");
    let line = format!(
        "{root}: {}: {}; {waiters} behind it, for up to {}",
        found.cause.as_str(),
        sanitized(&found.why),
        units::duration(found.max_wait_ns),
    );
    page.line(&line, 2);
}

fn long_wait(page: &mut Page, wait: &Wait) {
    let (Some(task), Some(resource), Some(fact)) = (wait.task(), wait.resource(), wait.fact())
    else {
        return;
    };
    let path = names::path(wait.memcg.as_deref());
    page.line(&format!("{}: {}", words::task(task), about(task, &path)), 2);
    let what = words::wait(resource, fact.mode, fact.retry.is_some());
    let waited = units::duration(wait.waited_ns);
    page.line(&format!("  {what}, for {waited}"), 4);
    if let Some(word) = resource.owner_word {
        let holders = wait.holders().map(|(_, task)| task);
        page.line(&format!("  {}", owner(resource.kind, word, holders)), 4);
    }
    page.stack(wait.stack(), task.state);
}
