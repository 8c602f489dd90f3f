//! The chain of waits from a task or a resource to its root.

use super::convoys::{self, Search};
use super::cycles::NONE;
use super::rules::began_ns;
use super::stable::Stability;
use super::table;
use super::verdict::Cause;
use super::words;
use crate::sample::waits::{Evidence, Holder, Waits};

/// The start of a chain, in the first look of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// A task, by its index.
    Task(u32),
    /// A resource, by its index.
    Resource(u32),
}

/// One wait of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The task that waits; `None` if the chain starts at the resource.
    pub waiter: Option<u32>,
    /// The index of its wait.
    pub wait: Option<u32>,
    /// The resource.
    pub resource: u32,
    /// The holder that the chain follows; `None` if there is none.
    pub holder: Option<Holder>,
    /// Other holders.
    pub others: u64,
    /// The duration of the wait so far.
    pub waited_ns: Option<u64>,
    /// The weaker evidence: that of the wait or that of the holder.
    pub evidence: Option<Evidence>,
}

/// A chain and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The waits, that of the start first.
    pub links: Vec<Link>,
    /// The task at the end; `None` if the last resource has no known holder.
    pub root: Option<u32>,
    /// Why the end makes no progress, or that it does.
    pub cause: Cause,
    /// The reason in one line.
    pub why: String,
}

/// Follows the waits of the first look, as far as the second one still has them. `None` if the
/// answer has no such start.
#[must_use]
pub fn chain(waits: &Waits, start: Start) -> Option<Chain> {
    let look = waits.looks.first()?;
    let stability = Stability::of(look, waits.looks.get(1));
    let in_none = vec![NONE; look.tasks.len()];
    let search = Search {
        waits,
        look,
        stability: &stability,
        deadlocks: &[],
        deadlock_of: &in_none,
    };
    let next = search.next();
    let place = |wait: &_| {
        look.waits
            .iter()
            .zip(0..)
            .find(|(one, _)| std::ptr::eq(*one, wait))
    };
    let end_ns = waits.looks.last()?.end_ns;
    let mut links = Vec::new();
    let mut are_on_path = vec![false; look.resources.len()];
    let (mut waiter, mut resource) = match start {
        Start::Resource(resource) => (None, resource),
        Start::Task(task) => {
            let next = *next.get(task as usize)?;
            match next {
                Some(wait) => (Some(wait), wait.resource),
                None => {
                    let (cause, why) = search.holder_why(task as usize, None);
                    return Some(Chain {
                        links,
                        root: Some(task),
                        cause,
                        why: of_task(&why, &words::task(look.tasks.get(task as usize)?)),
                    });
                }
            }
        }
    };
    loop {
        let what = look.resources.get(resource as usize)?;
        let is_again = std::mem::replace(&mut are_on_path[resource as usize], true);
        let holder = search.holder(resource, &next).copied();
        links.push(Link {
            waiter: waiter.map(|wait| wait.task),
            wait: waiter.and_then(place).map(|(_, at)| at),
            resource,
            holder,
            others: (what.holders.len() as u64).saturating_sub(1),
            waited_ns: waiter
                .and_then(|wait| began_ns(look, wait))
                .map(|began_ns| end_ns.saturating_sub(began_ns)),
            evidence: match (waiter, &holder) {
                (Some(wait), Some(holder)) => Some(wait.evidence.max(holder.evidence)),
                (Some(wait), None) => Some(wait.evidence),
                (None, holder) => holder.map(|holder| holder.evidence),
            },
        });
        let Some(holder) = holder else {
            let (cause, why) = match waiter {
                Some(wait) if !table::is_lock(what.kind) && what.kept_by.is_none() => {
                    convoys::waiting(wait, what)
                }
                _ => convoys::nobody(what),
            };
            let name = waiter.and_then(|wait| look.tasks.get(wait.task as usize));
            let name = name.map_or_else(|| "it".to_owned(), words::task);
            return Some(Chain {
                links,
                root: None,
                cause,
                why: of_task(&why, &name),
            });
        };
        if is_again {
            let last = waiter.and_then(|wait| look.tasks.get(wait.task as usize));
            let name = last.map_or_else(|| "its holder".to_owned(), words::task);
            return Some(Chain {
                links,
                root: waiter.map(|wait| wait.task),
                cause: Cause::Deadlock,
                why: format!("{name} waits for what is before it in this chain"),
            });
        }
        let at = holder.task as usize;
        let onwards = next.get(at).copied().flatten();
        if let Some(wait) = onwards.filter(|wait| !search.ends_at(wait)) {
            (waiter, resource) = (Some(wait), wait.resource);
            continue;
        }
        let (cause, why) = search.holder_why(at, onwards);
        return Some(Chain {
            links,
            root: Some(holder.task),
            cause,
            why: of_task(&why, &words::task(look.tasks.get(at)?)),
        });
    }
}

/// The reason with the name of the holder.
fn of_task(why: &str, name: &str) -> String {
    match why.strip_prefix("its holder") {
        Some(rest) => format!("{name}{rest}"),
        None => why.to_owned(),
    }
}
