//! Assembly of findings into a look: only those that matter, and each task and each resource once.

use std::collections::{HashMap, HashSet};

use super::finding::Finding;
use super::running;
use super::threads;
use super::view::View;
use crate::sample::ResourceKind;
use crate::sample::waits::{Resource, Run, Task, TaskScan};

/// Leaves out common waits of threads that no other task waits for, and that were not asked for.
pub(super) fn that_matter(findings: Vec<Finding>, asked: &HashSet<usize>) -> Vec<Finding> {
    let (mut common, mut matter): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .partition(|one| one.is_common && !asked.contains(&one.thread));
    let mut from = 0;
    while from < matter.len() {
        let holders = matter[from..].iter();
        let holders: HashSet<_> = holders
            .flat_map(|finding| &finding.resource.holders)
            .map(|holder| holder.task as usize)
            .collect();
        from = matter.len();
        let (more, rest) = common
            .into_iter()
            .partition(|finding| holders.contains(&finding.thread));
        matter.extend::<Vec<_>>(more);
        common = rest;
    }
    matter
}

/// A look under assembly: each task and each resource once.
pub(super) struct Assembly<'a, 'l> {
    view: &'a View<'a>,
    look: &'l mut TaskScan,
    stacks: &'l mut Vec<Vec<String>>,
    tasks: HashMap<usize, u32>,
    resources: HashMap<(ResourceKind, u64), u32>,
}

impl<'a, 'l> Assembly<'a, 'l> {
    pub(super) fn new(
        view: &'a View<'a>,
        look: &'l mut TaskScan,
        stacks: &'l mut Vec<Vec<String>>,
    ) -> Self {
        Self {
            view,
            look,
            stacks,
            tasks: HashMap::new(),
            resources: HashMap::new(),
        }
    }

    /// Adds a finding.
    pub(super) fn add(&mut self, finding: Finding) {
        let Finding {
            thread,
            resource,
            mut wait,
            ..
        } = finding;
        wait.task = self.task(thread);
        wait.resource = self.resource(resource);
        self.look.waits.push(wait);
    }

    /// The place of a resource whose holders are threads.
    pub(super) fn resource(&mut self, mut resource: Resource) -> u32 {
        let key = (resource.kind, resource.addr);
        let known = self.resources.get(&key).filter(|_| resource.addr != 0);
        if let Some(known) = known {
            return *known;
        }
        for holder in &mut resource.holders {
            holder.task = self.task(holder.task as usize);
        }
        let at = number(self.look.resources.len());
        self.resources.insert(key, at);
        self.look.resources.push(resource);
        at
    }

    /// The place of a thread.
    pub(super) fn task(&mut self, at: usize) -> u32 {
        if let Some(known) = self.tasks.get(&at) {
            return *known;
        }
        let Some(thread) = self.view.threads.all.get(at) else {
            return u32::MAX;
        };
        let stack = self.view.functions(at);
        let task = Task {
            stack: (!stack.is_empty()).then(|| self.stack(&stack)),
            real_time: running::real_time(self.view, thread),
            ..threads::describe(self.view.reader, thread)
        };
        let place = number(self.look.tasks.len());
        self.look.tasks.push(task);
        self.tasks.insert(at, place);
        let run = running::of(self.view, at).map(|running| Run {
            cpu: running.cpu,
            on_cpu: running.on_cpu,
            // That task has its CPU, so the recursion ends here.
            behind: running.behind.map(|other| self.task(other)),
            throttled_by: running.throttled_by,
        });
        self.look.tasks[place as usize].run = run;
        place
    }

    fn stack(&mut self, functions: &[&str]) -> u32 {
        let known = self.stacks.iter().position(|one| one == functions);
        let place = known.unwrap_or_else(|| {
            let functions = functions.iter().map(|one| (*one).to_owned());
            self.stacks.push(functions.collect());
            self.stacks.len() - 1
        });
        number(place)
    }
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
