//! The timeline of a memory cgroup that is alive: a task that removes it, or why none could.

use super::answer::{State, Step, What, When};
use super::chain;
use crate::deadlock::{Start, words};
use crate::model::snapshot::{Memcg, Snapshot};
use crate::sample::removals::{Removal, RemovalStep, Removals};
use crate::sample::sanitized;
use crate::sample::waits::{Task, TaskScan, Waits};
use crate::units;

/// Bound on the tasks in `rmdir(2)` that are told.
const MAX_TOLD: usize = 8;
/// The system call before it has its directory's lock, with names of several kernels (fs/namei.c).
const SYSTEM_CALLS: [&str; 3] = ["do_rmdir", "filename_rmdir", "vfs_rmdir"];

/// The sentence and the steps.
pub(super) fn alive(
    snapshot: &Snapshot,
    memcg: &Memcg,
    removals: Option<&Removals>,
) -> (String, Vec<Step>) {
    let mut steps = Vec::new();
    let judged = snapshot.judged.as_ref();
    let waits = judged.map(|judged| &*judged.answer);
    let look = waits.and_then(|waits| waits.looks.first());
    let own = removals.into_iter().flat_map(|removals| &removals.list);
    let own =
        own.filter(|one| one.serial_nr == memcg.id.serial_nr && one.step == RemovalStep::Rmdir);
    let own: Vec<&Removal> = own.collect();
    let mut cause = None;
    for one in own.iter().take(MAX_TOLD) {
        let why = in_rmdir(snapshot, look, one, &mut steps);
        cause = cause.or(why);
    }
    if !own.is_empty() {
        let text = "to be removed after that";
        steps.push(Step::new(What::Removed, State::ToCome, text));
        let why = cause.unwrap_or_else(|| "what it waits for is not known".to_owned());
        return (format!("rmdir(2) has not returned: {why}"), steps);
    }
    steps.push(Step::new(What::Alive, State::Now, "it is alive"));
    let strangers = strangers(snapshot, memcg, removals, waits, &mut steps);
    let is_cut = look.is_some_and(|look| look.truncated_at.is_some());
    let text = match (removals, strangers) {
        (None, _) => "nobody looked for tasks in rmdir(2)",
        (Some(removals), _) if removals.not_checked.is_some() => {
            "tasks in rmdir(2) could not be looked for"
        }
        _ if is_cut => "no task was found in rmdir(2) of it, and not all tasks were looked at",
        (Some(_), 0) => "no task waits in rmdir(2) of it",
        (Some(_), _) => "no task was found that surely is in rmdir(2) of it",
    };
    let mut step = Step::new(What::Rmdir, State::Now, text);
    if let Some(reason) = removals.and_then(|removals| removals.not_checked.as_deref()) {
        step = Step::unknown(0, format!("{text}: {}", sanitized(reason)));
    } else if removals.is_none() || is_cut || strangers > 0 {
        step = Step::unknown(0, text);
    }
    steps.push(step);
    let refusal = refusal(snapshot, memcg);
    steps.push(match &refusal {
        Some(text) => Step::new(What::Alive, State::Now, text.clone()).deep(1),
        None if memcg.facts.has_tasks.is_none() => {
            Step::unknown(1, "whether tasks are in it is not known")
        }
        None => {
            let text = match live_below(snapshot, memcg) {
                Some(_) => "no task and no live cgroup is in it",
                // A cgroup without the controller has no memory cgroup, and refuses rmdir(2) as well.
                None => {
                    "no task and no live memory cgroup is in it; live cgroups in it without the \
                     memory controller, for which rmdir(2) is refused too, were not looked for"
                }
            };
            Step::new(What::Alive, State::Now, text).deep(1)
        }
    });
    let end = refusal.map_or_else(String::new, |text| format!("; {text}"));
    (format!("it is alive; {text}{end}"), steps)
}

/// A task in `rmdir(2)` of it, with its causes.
fn in_rmdir(
    snapshot: &Snapshot,
    look: Option<&TaskScan>,
    removal: &Removal,
    steps: &mut Vec<Step>,
) -> Option<String> {
    let at = removal.task?;
    let task = look?.tasks.get(at as usize)?;
    let text = format!("{} is in rmdir(2) of it", words::task(task));
    let mut step = Step::new(What::Rmdir, State::Now, text);
    step.task = Some(task.clone());
    step.memcg = chain::memcg(snapshot, task);
    steps.push(step);
    let (chain, cause) = chain::steps(snapshot, Start::Task(at), 1);
    steps.extend(chain);
    cause
}

/// Tasks in `rmdir(2)` of cgroups that are not known, and those that wait for the directory above
/// this one. Returns their number.
fn strangers(
    snapshot: &Snapshot,
    memcg: &Memcg,
    removals: Option<&Removals>,
    waits: Option<&Waits>,
    steps: &mut Vec<Step>,
) -> usize {
    let look = waits.and_then(|waits| waits.looks.first());
    let (Some(waits), Some(look)) = (waits, look) else {
        return 0;
    };
    let mut those: Vec<(u32, &str)> = Vec::new();
    let unnamed = removals
        .into_iter()
        .flat_map(|removals| &removals.strangers);
    those.extend(unnamed.map(|at| (*at, "in rmdir(2) of a cgroup that was not identified")));
    let above = parent(memcg.id.path.as_bytes());
    for wait in &look.waits {
        let task = look.tasks.get(wait.task as usize);
        let resource = look.resources.get(wait.resource as usize);
        let of = resource.and_then(|resource| resource.of.as_ref());
        let is_above = of.is_some_and(|of| of.as_bytes().ends_with(above));
        if is_above && task.is_some_and(|task| is_in_rmdir(waits, task)) {
            those.push((
                wait.task,
                "in rmdir(2) of something in the directory above it",
            ));
        }
    }
    for (at, what) in those.iter().take(MAX_TOLD) {
        let Some(task) = look.tasks.get(*at as usize) else {
            continue;
        };
        let text = format!("{} is {what}", words::task(task));
        let mut step = Step::unknown(0, text);
        step.what = What::Rmdir;
        step.task = Some(task.clone());
        step.when = When::default();
        steps.push(step);
        steps.extend(chain::steps(snapshot, Start::Task(*at), 1).0);
    }
    those.len()
}

fn parent(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    &path[..end]
}

fn is_in_rmdir(waits: &Waits, task: &Task) -> bool {
    let stack = task
        .stack
        .and_then(|stack| waits.stacks.get(stack as usize));
    let functions = stack.into_iter().flatten();
    let mut functions = functions.map(|symbol| symbol.split('+').next().unwrap_or(symbol));
    functions.any(|function| SYSTEM_CALLS.contains(&function))
}

/// Why `rmdir(2)` would fail with EBUSY.
fn refusal(snapshot: &Snapshot, memcg: &Memcg) -> Option<String> {
    let mut reasons = Vec::new();
    if memcg.facts.has_tasks == Some(true) {
        reasons.push("tasks are in it or below it".to_owned());
    }
    let own = Some(memcg.id.serial_nr);
    let memcgs = snapshot.memcgs.items.iter();
    let is_child = |one: &&Memcg| one.phase.is_none() && one.facts.parent_serial_nr == own;
    let children = memcgs.filter(is_child).count() as u64;
    match (live_below(snapshot, memcg), children) {
        (Some(below @ 1..), 0) => reasons.push(format!(
            "{} in or below it, without the memory controller",
            units::things(below, "live cgroup")
        )),
        (_, 1..) => reasons.push(format!("{} in it", units::things(children, "live cgroup"))),
        (Some(0) | None, 0) => {}
    }
    match reasons.is_empty() {
        true => None,
        false => Some(format!(
            "rmdir(2) would be refused: {}",
            reasons.join(", and ")
        )),
    }
}

/// The number of live cgroups in a memory cgroup, by the kernel's own count. `None` unless it was
/// asked for just now: cgroups without the memory controller are in no list.
fn live_below(snapshot: &Snapshot, memcg: &Memcg) -> Option<u64> {
    let uses = snapshot.cgroup_uses.as_ref()?;
    let age_ns = snapshot.mono_ns.saturating_sub(uses.end_ns);
    let mut those = uses.cgroups.iter().filter(|_| age_ns <= chain::NOW_NS);
    let one = those.find(|one| one.serial_nr == memcg.id.serial_nr)?;
    one.live_below
}
