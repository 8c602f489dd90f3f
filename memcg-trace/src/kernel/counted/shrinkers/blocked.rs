//! Tasks that have been in one shrinker for a long time: their stacks.

use std::collections::HashMap;

use aya::Ebpf;

use crate::kernel::counted::shrinkers::counters::Running;
use crate::kernel::counted::spans::{Claim, Place, SpanId, Spans, TaskNow};
use crate::kernel::host::symbols::Symbols;
use crate::kernel::waits::{self, Unwound};
use crate::sample::reclaim::Shrinking;

/// Runs of shrinkers that last longer are reported while they are in progress.
pub(crate) const LONG_NS: u64 = 500_000_000;
/// Samples for which a stack is kept: reading the stacks of all tasks takes time.
const KEPT: u32 = 8;
/// The functions that a task is in while it runs a shrinker; the compiler may inline one into the
/// other (mm/shrinker.c).
const INSIDE: [&str; 2] = ["do_shrink_slab", "shrink_slab"];

/// A stack, and for how many samples it has been kept.
struct Kept {
    samples: u32,
    /// Context switches of the task at that time: without further ones, the stack is unchanged.
    switches: u64,
    functions: Vec<String>,
}

/// Stacks and spans of the tasks that were blocked at the last scan.
pub(crate) struct BlockedTasks {
    stacks: HashMap<SpanId, Kept>,
    spans: Spans,
    /// The time since which all hooks are attached.
    trusted_ns: u64,
    /// Id of the type of iterators over tasks, for reading stacks.
    iterator_id: Option<u32>,
}

impl BlockedTasks {
    pub(crate) fn new(trusted_ns: u64, iterator_id: Option<u32>) -> Self {
        Self {
            stacks: HashMap::new(),
            spans: Spans::default(),
            trusted_ns,
            iterator_id,
        }
    }

    /// The number of runs that ended without an event.
    pub(crate) fn unseen_ends(&self) -> u64 {
        self.spans.unseen_ends()
    }

    /// Runs that are in progress, with the stacks of their tasks; and runs of tasks that are gone.
    /// The stack of a task on a CPU is the last one that was seen, or empty.
    pub(crate) fn in_progress(
        &mut self,
        runs: Vec<Running>,
        tasks: &[Option<TaskNow>],
        ebpf: &mut Ebpf,
        symbols: &Symbols,
    ) -> (Vec<Shrinking>, Vec<Shrinking>) {
        let mut before = std::mem::take(&mut self.stacks);
        let is_new = |((task, run), now): (&Running, &Option<TaskNow>)| {
            let kept = before.get(&(*task, run.begin_ns));
            now.is_some_and(|now| kept.is_none_or(|kept| kept.is_stale(&now)))
        };
        let looked = match runs.iter().zip(tasks).any(is_new) {
            true => read_stacks(ebpf, self.iterator_id),
            false => None,
        };
        let (mut in_progress, mut over) = (Vec::with_capacity(runs.len()), Vec::new());
        for ((task, mut run), now) in runs.into_iter().zip(tasks) {
            let id = (task, run.begin_ns);
            let kept = before.remove(&id);
            let now = now.as_ref();
            let fresh = looked.as_ref().and_then(|stacks| stacks.of_task(task));
            let fresh = fresh.map(|unwound| Kept::of(unwound, symbols));
            let is_current = |kept: &&Kept| now.is_some_and(|now| kept.switches == now.switches);
            let current = fresh.as_ref().or(kept.as_ref().filter(is_current));
            let place = match current {
                Some(kept) if kept.is_inside() => Place::There,
                Some(_) => Place::Elsewhere,
                None => Place::Unknown,
            };
            let kept = fresh.or(kept);
            // A task that runs at each scan is reported from the second scan on.
            let is_known = self.spans.is_known(id);
            let claim = self.spans.judge(id, run.tid, now, place, self.trusted_ns);
            run.unconfirmed = claim == Claim::Unconfirmed;
            if let Some(kept) = kept {
                run.stack.clone_from(&kept.functions);
                let samples = kept.samples + 1;
                self.stacks.insert(id, Kept { samples, ..kept });
            }
            let is_dead = now.is_none_or(|now| now.start_ns > run.begin_ns || now.exit_state != 0);
            match claim {
                Claim::Holds => in_progress.push(run),
                Claim::Unconfirmed if is_known => in_progress.push(run),
                // A row is needed only until it is counted.
                Claim::Ended if is_known && is_dead => over.push(run),
                _ => {}
            }
        }
        self.spans.end_scan();
        (in_progress, over)
    }
}

impl Kept {
    fn of(unwound: &Unwound, symbols: &Symbols) -> Self {
        let name = |address: &u64| symbols.function_at(*address).unwrap_or("?").to_owned();
        Self {
            samples: 0,
            switches: unwound.switches,
            functions: unwound.functions.iter().map(name).collect(),
        }
    }

    /// Whether the stack should be read again.
    fn is_stale(&self, now: &TaskNow) -> bool {
        self.switches != now.switches || self.samples >= KEPT && !now.sleeps()
    }

    fn is_inside(&self) -> bool {
        let mut functions = self.functions.iter();
        functions.any(|one| INSIDE.iter().any(|begin| one.starts_with(begin)))
    }
}

fn read_stacks(ebpf: &mut Ebpf, iterator_id: Option<u32>) -> Option<waits::Stacks> {
    let stacks = waits::load_stacks(ebpf, iterator_id).and_then(|()| waits::read_stacks(ebpf));
    stacks
        .inspect_err(|error| log::info!("stacks: {error:#}"))
        .ok()
}
