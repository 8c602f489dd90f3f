//! Grace periods of RCU: which CPUs have still to pass a quiet state, and who has them.

use super::{Finding, View, holder, running};
use crate::kernel::layout::fields::Field;
use crate::kernel::memory::Unreadable;
use crate::sample::waits::{Evidence, Resource};
use crate::sample::{Mode, ResourceKind};

/// Which grace period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grace {
    /// `synchronize_rcu()`, and the callbacks that come after one.
    Rcu,
    /// `synchronize_rcu_tasks()`: every task has to leave its CPU once by itself.
    Tasks,
}

/// A grace period, and who holds it up: all of them.
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
            let state = view.reader.symbol("rcu_state")?;
            view.reader.word(state, Field::RcuGpKthread)?
        }
        Grace::Tasks => {
            resource.name = Some("RCU tasks".to_owned());
            tasks(view, &mut resource)?;
            0
        }
    };
    // Whoever waits for it is in nobody's way.
    resource.holders.retain(|one| one.task as usize != at);
    // It is this one that sees that all have passed, and wakes who waits.
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

/// Whoever has a CPU that has still to pass (kernel/rcu/tree.c: rcu_node.qsmask).
fn rcu(view: &View<'_>, resource: &mut Resource) -> Result<(), Unreadable> {
    let reader = view.reader;
    let cpus = reader.per_cpu("rcu_data")?;
    let mut has_preempted = false;
    for (cpu, data) in cpus {
        let node = match reader.word(data, Field::RcuDataNode) {
            Ok(node) if node != 0 => node,
            // A CPU that was never there.
            _ => continue,
        };
        let own = reader.word(data, Field::RcuDataMask)?;
        let normal = reader.word(node, Field::RcuNodeMask)?;
        let expedited = reader.word(node, Field::RcuNodeExpMask)?;
        let preempted = [Field::RcuNodeTasks, Field::RcuNodeExpTasks];
        has_preempted |= preempted
            .iter()
            .any(|field| reader.word(node, *field).is_ok_and(|task| task != 0));
        if (normal | expedited) & own != 0
            && let Some(current) = running::current(view, cpu)
        {
            let current = holder(current, Mode::Read, Evidence::OwnerWord);
            resource.holders.push(current);
        }
    }
    if has_preempted {
        let why = "readers that lost their CPU hold it up, and are not looked for";
        resource.incomplete = Some(why.to_owned());
    }
    Ok(())
}

/// Tasks that have not left their CPU since it began (kernel/rcu/tasks.h).
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
