//! Grace periods of RCU: the CPUs that have still to pass a quiescent state, and their tasks.

use std::collections::HashSet;

use super::finding::{Finding, holder};
use super::running;
use super::stacks::Stack;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Resource};
use crate::sample::{Mode, ResourceKind};

/// Preempted readers of one node.
const MAX_READERS: usize = 1 << 14;

/// A wait for a grace period, whose holders must all act.
pub(super) fn rcu(view: &View<'_>, at: usize) -> Result<Finding, Unreadable> {
    let mut resource = Resource {
        kind: ResourceKind::Rcu,
        name: Some("RCU".to_owned()),
        ..Resource::default()
    };
    readers(view, &mut resource)?;
    let state = view.reader.symbol(Symbol::RcuState)?;
    let kthread = view.reader.word(state, Field::RcuGpKthread)?;
    Ok(behind(view, at, resource, kthread))
}

/// A wait for a callback that runs after a grace period, such as that of a percpu-ref which stops
/// counting by CPU (lib/percpu-refcount.c: __percpu_ref_switch_to_atomic()).
pub(super) fn callback(view: &View<'_>, at: usize) -> Result<Finding, Unreadable> {
    let mut finding = rcu(view, at)?;
    let resource = &mut finding.resource;
    // The only holder is the kthread that starts and ends grace periods.
    if resource.holders.len() <= 1 {
        let why = "nobody holds its grace period up, and its callback has not run";
        resource.incomplete.get_or_insert_with(|| why.to_owned());
    }
    Ok(finding)
}

/// A wait for all tasks to leave their CPUs. Of the variants of it, only one notes the tasks
/// (kernel/rcu/tasks.h); the function that queues its callbacks is on the stack.
pub(super) fn tasks(view: &View<'_>, at: usize, stack: &Stack<'_>) -> Result<Finding, Unreadable> {
    let mut resource = Resource {
        kind: ResourceKind::Rcu,
        name: Some("RCU tasks".to_owned()),
        ..Resource::default()
    };
    let queues = view.symbols.address(Symbol::CallRcuTasks);
    let mut kthread = 0;
    if queues.is_some_and(|queues| stack.words.contains(&queues)) {
        holdouts(view, &mut resource)?;
        let variant = view.reader.symbol(Symbol::RcuTasks)?;
        kthread = view.reader.word(variant, Field::RcuTasksKthread)?;
    } else {
        let why = "which tasks a variant of RCU tasks waits for is not known";
        resource.incomplete = Some(why.to_owned());
    }
    Ok(behind(view, at, resource, kthread))
}

/// A wait for the tasks that hold a grace period up, and for the kthread, which notices that all
/// have passed, and wakes the waiters.
fn behind(view: &View<'_>, at: usize, mut resource: Resource, kthread: u64) -> Finding {
    // The waiter itself does not block the grace period.
    resource.holders.retain(|one| one.task as usize != at);
    match view.threads.at(kthread) {
        Some(one) => resource
            .holders
            .push(holder(one, Mode::Write, Evidence::OwnerWord)),
        None if resource.holders.is_empty() && resource.incomplete.is_none() => {
            resource.incomplete = Some("who holds it up was not found".to_owned());
        }
        None => {}
    }
    Finding::new(at, resource, Mode::Write, Evidence::Inferred)
}

/// Adds the tasks on the CPUs that have still to pass (kernel/rcu/tree.c: rcu_node.qsmask), and
/// preempted readers.
fn readers(view: &View<'_>, resource: &mut Resource) -> Result<(), Unreadable> {
    let reader = view.reader;
    let cpus = reader.per_cpu(Symbol::RcuData)?;
    let mut nodes = HashSet::new();
    for (cpu, data) in cpus {
        let node = match reader.word(data, Field::RcuDataNode) {
            Ok(node) if node != 0 => node,
            // A CPU that was never online.
            _ => continue,
        };
        let own = reader.word(data, Field::RcuDataMask)?;
        let normal = reader.word(node, Field::RcuNodeMask)?;
        let expedited = reader.word(node, Field::RcuNodeExpMask)?;
        nodes.insert(node);
        if (normal | expedited) & own != 0
            && let Some(current) = running::current(view, cpu)
        {
            let current = holder(current, Mode::Read, Evidence::OwnerWord);
            resource.holders.push(current);
        }
    }
    for node in nodes {
        for first in [Field::RcuNodeTasks, Field::RcuNodeExpTasks] {
            let first = reader.word(node, first).unwrap_or(0);
            if first != 0 && !preempted(view, node, first, resource)? {
                let why = "readers that lost their CPU hold it up, and not all of them were found";
                resource.incomplete = Some(why.to_owned());
            }
        }
    }
    Ok(())
}

/// Adds the readers of a node that block a grace period, from `first` on: the oldest are at the end
/// (kernel/rcu/tree_plugin.h: rcu_preempt_ctxt_queue()). Returns whether these are all.
fn preempted(
    view: &View<'_>,
    node: u64,
    first: u64,
    resource: &mut Resource,
) -> Result<bool, Unreadable> {
    let reader = view.reader;
    let places = [Field::RcuNodeBlocked, Field::TaskRcuNodeEntry].map(|field| reader.offset(field));
    let [Ok(blocked), Ok(entry)] = places else {
        return Ok(false);
    };
    let head = node + blocked;
    let mut link = first;
    for _ in 0..MAX_READERS {
        if link == head {
            return Ok(true);
        }
        let Some(task) = view.threads.at(link.wrapping_sub(entry)) else {
            return Ok(false);
        };
        let known = holder(task, Mode::Read, Evidence::OwnerWord);
        if !resource.holders.iter().any(|one| one.task == known.task) {
            resource.holders.push(known);
        }
        link = reader.word_at(link)?;
    }
    Ok(false)
}

/// Adds the tasks that have not left their CPU since the grace period began (kernel/rcu/tasks.h).
fn holdouts(view: &View<'_>, resource: &mut Resource) -> Result<(), Unreadable> {
    let tasks: Vec<_> = view.threads.all.iter().map(|thread| thread.addr).collect();
    let holdouts = view.reader.column(&tasks, Field::TaskRcuHoldout)?;
    let holdouts = holdouts.iter().enumerate();
    let holdouts = holdouts.filter(|(_, holdout)| holdout.is_some_and(|one| one != 0));
    resource
        .holders
        .extend(holdouts.map(|(at, _)| holder(at, Mode::Read, Evidence::OwnerWord)));
    Ok(())
}
