//! The limit that a task reclaims for, and the shrinker that it is in, by its stack.

use std::sync::Arc;

use super::answer::{State, Step, What};
use crate::deadlock::words;
use crate::model::snapshot::{Memcg, MemcgId, Snapshot, is_unlimited};
use crate::sample::sanitized;
use crate::sample::waits::Task;
use crate::units;

/// Bound on the nesting of cgroups.
const MAX_LEVELS: usize = 64;

/// The limit that makes a task reclaim (mm/memcontrol.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    High,
    Max,
}

/// Functions that mean reclaim for a limit. The compiler may append to a name.
const REASONS: [(&str, Limit); 5] = [
    ("mem_cgroup_handle_over_high", Limit::High),
    ("__mem_cgroup_handle_over_high", Limit::High),
    ("reclaim_high", Limit::High),
    ("try_charge", Limit::Max),
    ("mem_cgroup_resize_max", Limit::Max),
];
/// The function that calls a shrinker (mm/vmscan.c, mm/shrinker.c).
const CALLS_SHRINKER: &str = "do_shrink_slab";

/// The steps for a task whose stack is `stack`.
pub(super) fn steps(snapshot: &Snapshot, task: &Task, stack: &[String], depth: u32) -> Vec<Step> {
    let functions: Vec<&str> = stack.iter().map(|symbol| function(symbol)).collect();
    let name = words::task(task);
    let mut steps = Vec::new();
    let limit = functions.iter().find_map(|function| {
        let is_it = |(name, _): &&(&str, Limit)| function.starts_with(name);
        REASONS.iter().find(is_it).map(|(_, limit)| *limit)
    });
    if let Some(limit) = limit {
        let (memcg, text) = limit_of(snapshot, task.memcg_serial_nr, limit);
        let mut step = Step::new(What::Limit, State::Now, format!("{name} {text}")).deep(depth);
        step.task = Some(task.clone());
        step.memcg = memcg;
        steps.push(step);
    }
    let calls = functions
        .iter()
        .position(|one| one.starts_with(CALLS_SHRINKER));
    if let Some(calls) = calls.filter(|calls| *calls > 0) {
        let shrinker = sanitized(functions[calls - 1]);
        let text = format!("{name} is in the shrinker {shrinker}()");
        let mut step = Step::new(What::Shrinker, State::Now, text).deep(depth);
        step.task = Some(task.clone());
        steps.push(step);
    }
    steps
}

fn function(symbol: &str) -> &str {
    symbol.split('+').next().unwrap_or(symbol)
}

/// The memory cgroup whose limit it is: the lowest from the task's own one upwards that is at its
/// limit by the last walk.
fn limit_of(
    snapshot: &Snapshot,
    serial_nr: Option<u64>,
    limit: Limit,
) -> (Option<Arc<MemcgId>>, String) {
    let name = match limit {
        Limit::High => "memory.high",
        Limit::Max => "memory.max",
    };
    let bytes = |memcg: &Memcg| match limit {
        Limit::High => memcg.facts.high_bytes,
        Limit::Max => memcg.facts.max_bytes,
    };
    let line = ancestors(snapshot, serial_nr);
    let has_limit = |memcg: &&&Memcg| is_unlimited(bytes(memcg)) == Some(false);
    // Reclaim begins a little below the limit, and may have got there meanwhile.
    let is_at_it = |memcg: &&&Memcg| {
        let usage = memcg.facts.usage_bytes.unwrap_or(0);
        has_limit(memcg) && bytes(memcg).is_some_and(|limit| usage >= limit - limit / 16)
    };
    let found = line.iter().find(is_at_it);
    let limited: Vec<&&Memcg> = line.iter().filter(has_limit).collect();
    match (found, &limited[..]) {
        (Some(memcg), _) => (
            Some(Arc::clone(&memcg.id)),
            format!(
                "reclaims for {name} of {}: {} are used, {} is the limit",
                memcg.id.shown(),
                units::bytes(memcg.facts.usage_bytes),
                units::bytes(bytes(memcg)),
            ),
        ),
        (None, [only]) => (
            Some(Arc::clone(&only.id)),
            format!(
                "reclaims for {name} of {}, which was not at it when the list was read: {} of {}",
                only.id.shown(),
                units::bytes(only.facts.usage_bytes),
                units::bytes(bytes(only)),
            ),
        ),
        (None, _) => (
            None,
            format!("reclaims for {name}, of which memory cgroup is not known"),
        ),
    }
}

/// A memory cgroup and those above it, the lowest first.
pub(super) fn ancestors(snapshot: &Snapshot, serial_nr: Option<u64>) -> Vec<&Memcg> {
    let find = |serial_nr: u64| {
        let mut items = snapshot.memcgs.items.iter();
        items.find(|memcg| memcg.id.serial_nr == serial_nr)
    };
    let mut line = Vec::new();
    let mut next = serial_nr.and_then(find);
    while let Some(memcg) = next.filter(|_| line.len() < MAX_LEVELS) {
        line.push(memcg);
        next = memcg.facts.parent_serial_nr.and_then(find);
    }
    line
}
