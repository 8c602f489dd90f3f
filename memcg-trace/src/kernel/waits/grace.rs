//! Grace periods of RCU: the CPUs that have still to pass a quiescent state, and their tasks.

use std::collections::HashSet;

use super::finding::{Finding, holder};
use super::running;
use super::table::Grace;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Resource};
use crate::sample::{Mode, ResourceKind};

/// Preempted readers of one node.
const MAX_READERS: usize = 1 << 14;

/// A wait for a grace period, whose holders must all act.
pub(super) fn wait(
    view: &View<'_>,
    at: usize,
    grace: Grace,
) -> Result<Option<Finding>, Unreadable> {
    let mut resource = Resource {
        kind: ResourceKind::Rcu,
        ..Resource::default()
    };
    let kthread = match grace {
        Grace::Rcu => {
            resource.name = Some("RCU".to_owned());
            rcu(view, &mut resource)?;
            let state = view.reader.symbol(Symbol::RcuState)?;
            view.reader.word(state, Field::RcuGpKthread)?
        }
        Grace::Tasks => {
            resource.name = Some("RCU tasks".to_owned());
            tasks(view, &mut resource)?;
            0
        }
    };
    // The waiter itself does not block the grace period.
    resource.holders.retain(|one| one.task as usize != at);
    // The kthread notices that all CPUs have passed, and wakes the waiters.
    match view.threads.at(kthread) {
        Some(one) => resource
            .holders
            .push(holder(one, Mode::Write, Evidence::OwnerWord)),
        None if resource.holders.is_empty() && resource.incomplete.is_none() => {
            resource.incomplete = Some("who holds it up was not found".to_owned());
        }
        None => {}
    }
    Ok(Some(Finding::new(
        at,
        resource,
        Mode::Write,
        Evidence::Inferred,
    )))
}

/// Adds the tasks on the CPUs that have still to pass (kernel/rcu/tree.c: rcu_node.qsmask), and
/// preempted readers.
fn rcu(view: &View<'_>, resource: &mut Resource) -> Result<(), Unreadable> {
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
fn tasks(view: &View<'_>, resource: &mut Resource) -> Result<(), Unreadable> {
    let tasks: Vec<_> = view.threads.all.iter().map(|thread| thread.addr).collect();
    let holdouts = view.reader.column(&tasks, Field::TaskRcuHoldout)?;
    let holdouts = holdouts.iter().enumerate();
    let holdouts = holdouts.filter(|(_, holdout)| holdout.is_some_and(|one| one != 0));
    resource
        .holders
        .extend(holdouts.map(|(at, _)| holder(at, Mode::Read, Evidence::OwnerWord)));
    Ok(())
}
