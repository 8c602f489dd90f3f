//! Dead controllers of a cgroup: a task that changes its controllers waits for each of them to go
//! offline (kernel/cgroup/cgroup.c: cgroup_lock_and_drain_offline()).
//!
//! On its way offline a controller waits for its last tasks, for a grace period, or for a work
//! item. Kernels differ in these steps and their order; the state of the controller shows the
//! current step.

use std::collections::{HashMap, HashSet};

use super::finding::{Finding, holder};
use super::grace;
use super::records::{self, Entry, LinkMemory};
use super::stacks::Stack;
use super::view::View;
use super::workers::Workers;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::paths;
use crate::kernel::debugger::reader::is_kernel_address;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Holder, Resource};
use crate::sample::{Mode, ResourceKind};

/// `CSS_DYING` (include/linux/cgroup-defs.h).
const DYING: u64 = 1 << 4;
/// `WORK_STRUCT_PENDING` (include/linux/workqueue.h).
const PENDING: u64 = 1;
/// Work items that take a controller offline.
const STEPS: [Field; 3] = [
    Field::CssKillWork,
    Field::CssDestroyWork,
    Field::CssDestroyRcuWork,
];
/// Bound on the nesting of cgroups.
const MAX_LEVELS: usize = 64;
const NAME_BYTES: usize = 32;

/// The wait of a task that changes controllers, with the step that the first dead controller waits
/// for.
pub(super) fn offline(
    view: &View<'_>,
    workers: &Workers,
    at: usize,
    stack: &Stack<'_>,
) -> Result<Option<Finding>, Unreadable> {
    let reader = view.reader;
    let Some(cgroup) = drained(view, at, stack)? else {
        let resource = Resource {
            kind: ResourceKind::Work,
            incomplete: Some("which cgroup it is was not found".to_owned()),
            ..Resource::default()
        };
        return Ok(Some(finding(at, resource, Evidence::Inferred)));
    };
    let mut resource = None;
    for css in reader.words(cgroup, Field::CgroupSubsys)? {
        // No task waits for a controller that is alive.
        if is_kernel_address(css) && reader.word(css, Field::CssFlags)? & DYING != 0 {
            resource = awaited(view, workers, at, css)?;
        }
        if resource.is_some() {
            break;
        }
    }
    let mut resource = resource.unwrap_or_else(|| Resource {
        kind: ResourceKind::Work,
        addr: cgroup,
        name: Some("the offline work".to_owned()),
        incomplete: Some("what takes it offline was not found".to_owned()),
        ..Resource::default()
    });
    resource.of = paths::of_kernfs(reader, reader.word(cgroup, Field::CgroupKn)?);
    Ok(Some(finding(at, resource, Evidence::OwnerWord)))
}

fn finding(at: usize, resource: Resource, evidence: Evidence) -> Finding {
    Finding::new(at, resource, Mode::Write, evidence)
}

/// The cgroup whose queue the task is in.
fn drained(view: &View<'_>, at: usize, stack: &Stack<'_>) -> Result<Option<u64>, Unreadable> {
    let reader = view.reader;
    let Some(waker) = view.symbols.address(Symbol::AutoremoveWakeFunction) else {
        return Ok(None);
    };
    let waiters = reader.offset(Field::CgroupOfflineWaiters)?;
    let task = view.threads.all[at].addr;
    let entry = Entry::of(|field| reader.offset(field))?;
    let head = LinkMemory::now(reader, view.threads, |memory| {
        records::queue_of(memory, stack, task, entry, waker, |_| true)
    })?;
    Ok(head.map(|head| head.wrapping_sub(waiters)))
}

/// The resource that a dead controller waits for, if it was found.
pub(super) fn awaited(
    view: &View<'_>,
    workers: &Workers,
    at: usize,
    css: u64,
) -> Result<Option<Resource>, Unreadable> {
    let reader = view.reader;
    for step in STEPS {
        let Ok(within) = reader.offset(step) else {
            continue;
        };
        let runners = workers.of(view, css + within)?;
        if runners.incomplete.is_none() {
            return Ok(Some(Resource {
                kind: ResourceKind::Work,
                addr: css + within,
                name: Some(format!("the offline work of {}", controller(view, css)?)),
                holders: runners.holders,
                ..Resource::default()
            }));
        }
    }
    if in_grace(view, css)? {
        return Ok(Some(grace::callback(view, at)?.resource));
    }
    let holders = tasks(view, css)?;
    Ok((!holders.is_empty()).then(|| Resource {
        kind: ResourceKind::CgroupDrain,
        addr: css,
        holders,
        ..Resource::default()
    }))
}

fn controller(view: &View<'_>, css: u64) -> Result<String, Unreadable> {
    let ss = view.reader.word(css, Field::CssSs)?;
    let name = view.reader.word(ss, Field::SubsysName)?;
    let name = view.reader.string(name, NAME_BYTES)?;
    Ok(name.display().into_owned())
}

/// Returns whether an RCU callback comes first: the one that confirms the kill
/// (lib/percpu-refcount.c: percpu_ref_kill_and_confirm()), or the one that queues the item
/// (kernel/workqueue.c: queue_rcu_work()).
fn in_grace(view: &View<'_>, css: u64) -> Result<bool, Unreadable> {
    let reader = view.reader;
    let refs = reader.word(css, Field::CssRefcntData)?;
    if refs != 0 && reader.word(refs, Field::RefConfirmSwitch)? != 0 {
        return Ok(true);
    }
    let item = reader.offset(Field::CssDestroyRcuWork)?;
    Ok(reader.word(css + item, Field::WorkData)? & PENDING != 0)
}

/// Tasks that use the controller, or one below it, until they are dead.
fn tasks(view: &View<'_>, css: u64) -> Result<Vec<Holder>, Unreadable> {
    let reader = view.reader;
    let tasks: Vec<_> = view.threads.all.iter().map(|thread| thread.addr).collect();
    let css_sets = reader.column(&tasks, Field::TaskCgroups)?;
    let distinct: HashSet<u64> = css_sets.iter().flatten().copied().collect();
    let mut is_below: HashMap<u64, bool> = HashMap::new();
    let mut those = HashSet::new();
    for css_set in distinct.into_iter().filter(|one| is_kernel_address(*one)) {
        for one in reader.words(css_set, Field::CssSetSubsys)? {
            let known = is_below.get(&one).copied();
            let below = known.map_or_else(|| has_ancestor(view, one, css), Ok)?;
            is_below.insert(one, below);
            if below {
                those.insert(css_set);
            }
        }
    }
    let members = view.threads.all.iter().zip(css_sets).enumerate();
    let members = members.filter(|(_, (thread, css_set))| {
        thread.exit_state == 0 && css_set.is_some_and(|one| those.contains(&one))
    });
    Ok(members
        .map(|(member, _)| holder(member, Mode::Write, Evidence::OwnerWord))
        .collect())
}

fn has_ancestor(view: &View<'_>, mut css: u64, ancestor: u64) -> Result<bool, Unreadable> {
    for _ in 0..MAX_LEVELS {
        if css == ancestor || !is_kernel_address(css) {
            return Ok(css == ancestor);
        }
        css = view.reader.word(css, Field::CssParent)?;
    }
    Ok(false)
}
