//! The spans that are in progress in a snapshot.

use super::span::{Id, Kind, Span};
use crate::deadlock::words;
use crate::model::snapshot::{LockStats, MemcgId, Snapshot, Wait};
use crate::output::names;
use crate::sample::Task;
use crate::sample::reclaim::{Shrinking, Stall};

/// The spans of a kind that are in progress, and the time at which that was looked at; `None` if it
/// was not.
pub(super) fn of(kind: Kind, snapshot: &Snapshot) -> Option<(u64, Vec<Span>)> {
    match kind {
        Kind::Reclaim => Some((snapshot.reclaim.as_of_ns?, stalls(snapshot))),
        Kind::Shrinker => Some((snapshot.reclaim.as_of_ns?, runs(snapshot))),
        Kind::LockWait => Some((snapshot.lock_waits.as_of_ns?, lock_waits(snapshot))),
        Kind::Wait => Some((snapshot.judged.as_ref()?.as_of_ns, waits(snapshot))),
        Kind::Hold => Some((snapshot.lock_stats.as_of_ns?, holds(snapshot))),
    }
}

fn of_task(kind: Kind, task: &Task, begin_ns: u64, object: u64, name: String) -> Span {
    Span {
        kind,
        id: Id {
            tid: task.tid,
            begin_ns,
            object,
        },
        pid: task.pid.unwrap_or(task.tid),
        comm: task.comm.display().into_owned(),
        name,
        more: Vec::new(),
        end_ns: begin_ns,
        gone_by_ns: None,
    }
}

fn in_memcg(memcg: Option<&MemcgId>) -> Option<(&'static str, String)> {
    Some(("memcg", names::path(Some(memcg?))))
}

fn stalls(snapshot: &Snapshot) -> Vec<Span> {
    let rows = snapshot.reclaim.items.iter();
    let all = rows.flat_map(|row| row.stalls.iter().map(move |stall| (row, stall)));
    let certain = all.filter(|(_, stall): &(_, &Stall)| !stall.unconfirmed);
    let spans = certain.map(|(row, stall)| {
        let what = match stall.is_throttled {
            true => "sleeps over memory.high",
            false => "reclaim",
        };
        let name = format!("{what} ({})", names::cause(stall.cause));
        let mut span = of_task(Kind::Reclaim, &stall.task, stall.since_ns, 0, name);
        span.more.extend(in_memcg(row.memcg.as_deref()));
        span.more.push(("limit of", names::limited_by(row)));
        span
    });
    spans.collect()
}

fn runs(snapshot: &Snapshot) -> Vec<Span> {
    let certain = snapshot.shrinking.iter().filter(|run| !run.unconfirmed);
    certain.map(run).collect()
}

fn run(run: &Shrinking) -> Span {
    let shrinker = match &run.name {
        Some(name) => crate::sample::sanitized(name).into_owned(),
        None => format!("{:#x}", run.shrinker),
    };
    let task = Task {
        pid: Some(run.pid),
        tid: run.tid,
        comm: run.comm.clone(),
        ..Task::default()
    };
    let mut span = of_task(Kind::Shrinker, &task, run.begin_ns, run.shrinker, shrinker);
    let fs = run.fs.as_ref().map(|fs| fs.display().into_owned());
    span.more.extend(fs.map(|fs| ("file system", fs)));
    span.more.push(("cause", names::cause(run.cause)));
    span
}

fn lock_waits(snapshot: &Snapshot) -> Vec<Span> {
    let certain = snapshot.lock_waits.items.iter();
    let certain = certain.filter(|wait| !wait.facts.unconfirmed);
    let spans = certain.map(|wait| {
        let facts = &wait.facts;
        let name = format!("waits for {}", names::lock_of_wait(wait, snapshot));
        let addr = facts.resource.addr;
        let mut span = of_task(Kind::LockWait, &facts.task, facts.since_ns, addr, name);
        span.more.extend(in_memcg(wait.memcg.as_deref()));
        let owner = facts.owner.as_ref();
        span.more
            .extend(owner.map(|owner| ("held by", names::task(Some(owner)))));
        span
    });
    spans.collect()
}

/// Waits that a scan of all tasks found, but those for locks that events saw begin.
fn waits(snapshot: &Snapshot) -> Vec<Span> {
    let Some(judged) = &snapshot.judged else {
        return Vec::new();
    };
    let traced = |wait: &Wait| {
        let (Some(task), Some(resource)) = (wait.task(), wait.resource()) else {
            return false;
        };
        let mut traced = snapshot.lock_waits.items.iter().map(|one| &one.facts);
        traced.any(|one| one.task.tid == task.tid && one.resource.addr == resource.addr)
    };
    let others = snapshot.waits.items.iter().filter(|wait| !traced(wait));
    let spans = others.filter_map(|wait| {
        let (fact, task, resource) = (wait.fact()?, wait.task()?, wait.resource()?);
        let began_ns = wait.waited_ns.map(|ns| judged.as_of_ns.saturating_sub(ns));
        let counted = Task {
            pid: Some(task.pid),
            tid: task.tid,
            comm: task.comm.clone(),
            ..Task::default()
        };
        let name = words::wait(resource, fact.mode, fact.retry.is_some());
        let object = resource.addr ^ resource.pfn.unwrap_or(0) ^ resource.ino.unwrap_or(0);
        let begin_ns = began_ns.unwrap_or(judged.as_of_ns);
        let mut span = of_task(Kind::Wait, &counted, begin_ns, object, name);
        span.more.extend(in_memcg(wait.memcg.as_deref()));
        if began_ns.is_none() {
            span.more
                .push(("began", "before, it is not known when".to_owned()));
        }
        let holders: Vec<String> = wait.holders().map(|(_, task)| words::task(task)).collect();
        if !holders.is_empty() {
            span.more.push(("held by", holders.join(", ")));
        }
        Some(span)
    });
    spans.collect()
}

fn holds(snapshot: &Snapshot) -> Vec<Span> {
    let of_lock = |lock: &LockStats| -> Vec<Span> {
        let holders = lock.held.iter().flat_map(|held| &held.holders);
        let certain = holders.filter(|holder| !holder.unconfirmed);
        let spans = certain.map(|holder| {
            let name = format!("holds {}", names::lock(&lock.resource));
            let (since_ns, addr) = (holder.since_ns, lock.resource.addr);
            let mut span = of_task(Kind::Hold, &holder.task, since_ns, addr, name);
            span.more.extend(in_memcg(holder.memcg.as_deref()));
            span
        });
        spans.collect()
    };
    snapshot.lock_stats.items.iter().flat_map(of_lock).collect()
}
