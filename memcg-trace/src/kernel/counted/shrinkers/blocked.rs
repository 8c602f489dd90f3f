//! Where tasks are that have been in one shrinker for long.

use std::collections::HashMap;

use aya::Ebpf;

use crate::kernel::counted::shrinkers::Running;
use crate::kernel::counted::spans::{Claim, Place, SpanId, Spans, TaskNow};
use crate::kernel::host::symbols::Symbols;
use crate::kernel::waits::{self, Unwound};
use crate::sample::reclaim::Shrinking;

/// Runs of shrinkers that last longer are told of while they go on.
pub(crate) const LONG_NS: u64 = 500_000_000;
/// Samples for which a stack is kept: looking at those of all tasks takes time.
const KEPT: u32 = 8;
/// Where a task is while it runs a shrinker; the compiler puts one into the other (mm/shrinker.c).
const INSIDE: [&str; 2] = ["do_shrink_slab", "shrink_slab"];

/// A stack as it was, and for how many samples.
struct Kept {
    samples: u32,
    /// Switches of its task then: while it has not run since, it is where it was.
    switches: u64,
    functions: Vec<String>,
}

/// What is known of those that were stuck at the last look.
pub(crate) struct Stuck {
    stacks: HashMap<SpanId, Kept>,
    spans: Spans,
    /// Since when all hooks are on.
    trusted_ns: u64,
    /// For looking at stacks.
    iterator_id: Option<u32>,
}

impl Stuck {
    pub(crate) fn new(trusted_ns: u64, iterator_id: Option<u32>) -> Self {
        Self {
            stacks: HashMap::new(),
            spans: Spans::default(),
            trusted_ns,
            iterator_id,
        }
    }

    /// Runs that are over though nobody saw them end.
    pub(crate) fn unseen_ends(&self) -> u64 {
        self.spans.unseen_ends()
    }

    /// Which of some runs go on, where their tasks are now; and those of tasks that are gone. The stack of one that runs at the moment
    /// is the last that was seen, or empty.
    pub(crate) fn going_on(
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
            true => look(ebpf, self.iterator_id),
            false => None,
        };
        let (mut going_on, mut over) = (Vec::with_capacity(runs.len()), Vec::new());
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
            // One that runs whenever it is looked at is told of when that was so twice.
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
                Claim::Holds => going_on.push(run),
                Claim::Unconfirmed if is_known => going_on.push(run),
                // Once it is counted, it need not be noted any more.
                Claim::Ended if is_known && is_dead => over.push(run),
                _ => {}
            }
        }
        self.spans.turn();
        (going_on, over)
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

    /// Whether it is worth looking again.
    fn is_stale(&self, now: &TaskNow) -> bool {
        self.switches != now.switches || self.samples >= KEPT && !now.sleeps()
    }

    fn is_inside(&self) -> bool {
        let mut functions = self.functions.iter();
        functions.any(|one| INSIDE.iter().any(|begin| one.starts_with(begin)))
    }
}

fn look(ebpf: &mut Ebpf, iterator_id: Option<u32>) -> Option<waits::Stacks> {
    let stacks = waits::load_stacks(ebpf, iterator_id).and_then(|()| waits::read_stacks(ebpf));
    stacks
        .inspect_err(|error| log::info!("stacks: {error:#}"))
        .ok()
}
