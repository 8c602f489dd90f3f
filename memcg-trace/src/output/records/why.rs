//! Figures of a step of a timeline.

use std::borrow::Cow;

use super::MemcgName;
use super::waits::{Resource, Task, stack};
use crate::model::snapshot::Evidence;
use crate::model::why::{State, Step, What};
use crate::output::figures::{Word, record};
use crate::sample::pins::PinKind;
use crate::sample::sanitized;

record! {
    /// A step of the timeline of `why`: of a removal, of what keeps a dead memory cgroup, or of a
    /// task.
    pub struct WhyStep<'a> {
        /// `alive`, `rmdir`, `removed`, `drained`, `kill_confirmed`, `offline`, `work`, `pin`,
        /// `unexplained`, `released`, `task`, `wait`, `limit`, `shrinker`, `root`, `deadlock` or
        /// `not_known`.
        step: Word<What>,
        /// `done`, `now`, `to_come` or `not_known`.
        state: Word<State>,
        /// A cause is one deeper than its effect.
        depth: u32,
        /// All of it in one line.
        sentence: Cow<'a, str>,
        /// When it was, as an event told it, CLOCK_MONOTONIC.
        at_ns: Option<u64>,
        /// It was after this.
        after_ns: Option<u64>,
        /// It was not after this.
        before_ns: Option<u64>,
        /// How long it has been in progress.
        for_ns: Option<u64>,
        /// The task that it is about.
        task: Option<Task<'a>>,
        /// The memory cgroup of the task, or the one that a limit is of.
        memcg: MemcgName<'a>,
        /// The kind of a pin, as in `pins`.
        pin: Option<Word<PinKind>>,
        /// What is waited for.
        resource: Option<Resource<'a>>,
        /// `traced`, `owner_word`, `inferred` or `hint`.
        evidence: Option<Word<Evidence>>,
        /// Where the task is, innermost function first.
        stack: Option<Vec<Cow<'a, str>>>,
    }
}

impl<'a> From<&'a Step> for WhyStep<'a> {
    fn from(step: &'a Step) -> Self {
        let memcg = step.memcg.as_deref();
        Self {
            step: Word(step.what),
            state: Word(step.state),
            depth: step.depth,
            sentence: sanitized(&step.text),
            at_ns: step.when.at_ns,
            after_ns: step.when.after_ns,
            before_ns: step.when.before_ns,
            for_ns: step.when.for_ns,
            task: step.task.as_ref().map(|task| Task::of(task, memcg)),
            memcg: MemcgName::of(memcg),
            pin: step.pin.map(Word),
            resource: step.resource.as_ref().map(Resource::of),
            evidence: step.evidence.map(Word),
            stack: stack(&step.stack),
        }
    }
}
