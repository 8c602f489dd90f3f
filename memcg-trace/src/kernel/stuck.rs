//! Where tasks are that have been in one shrinker for long.

use std::collections::HashMap;

use aya::Ebpf;

use super::shrinkers::Running;
use super::symbols::Symbols;
use super::waits;
use crate::sample::reclaim::Shrinking;

/// Runs of shrinkers that last longer are told of while they go on.
pub(super) const LONG_NS: u64 = 500_000_000;
/// Samples for which a stack is kept: looking at those of all tasks takes time.
const KEPT: u32 = 8;

/// A thread, and when it came into the shrinker.
type Run = (u32, u64);

/// Stacks of those that were stuck at the last look.
#[derive(Default)]
pub(super) struct Stuck {
    stacks: HashMap<Run, (u32, Vec<String>)>,
}

impl Stuck {
    /// Adds the stacks to runs that go on. One that cannot be read is empty: its task runs, or the
    /// kernel refuses the iterator.
    pub(super) fn with_stacks(
        &mut self,
        runs: Vec<Running>,
        ebpf: &mut Ebpf,
        symbols: &Symbols,
    ) -> Vec<Shrinking> {
        let id = |run: &Shrinking| (run.tid, run.begin_ns);
        let mut before = std::mem::take(&mut self.stacks);
        let is_new = |run: &Shrinking| {
            let kept = before.get(&id(run));
            kept.is_none_or(|(samples, stack)| *samples >= KEPT || stack.is_empty())
        };
        let looked = match runs.iter().any(|(_, run)| is_new(run)) {
            true => look(ebpf),
            false => None,
        };
        let mut shrinking = Vec::with_capacity(runs.len());
        for (task, mut run) in runs {
            let stack = match &looked {
                Some(stacks) => {
                    let functions = stacks.of_task(task).iter();
                    let name =
                        |address: &u64| symbols.function_at(*address).unwrap_or("?").to_owned();
                    (0, functions.map(name).collect())
                }
                None => match before.remove(&id(&run)) {
                    Some((samples, stack)) => (samples + 1, stack),
                    None => (0, Vec::new()),
                },
            };
            run.stack.clone_from(&stack.1);
            self.stacks.insert(id(&run), stack);
            shrinking.push(run);
        }
        shrinking
    }
}

fn look(ebpf: &mut Ebpf) -> Option<waits::Stacks> {
    let stacks = waits::load_stacks(ebpf).and_then(|()| waits::read_stacks(ebpf));
    stacks
        .inspect_err(|error| log::info!("stacks: {error:#}"))
        .ok()
}
