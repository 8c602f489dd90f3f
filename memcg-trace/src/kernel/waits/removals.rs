//! Removals of memory cgroups that are in progress: the step that each is at (kernel/cgroup/cgroup.c:
//! cgroup_destroy_locked() and what follows it), and the tasks in `rmdir(2)`.

use std::collections::HashMap;

use super::assembly::Assembly;
use super::controllers;
use super::queued;
use super::stacks::Stack;
use super::view::View;
use super::workers::{Runners, Workers};
use crate::kernel::debugger::css;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::is_kernel_address;
use crate::kernel::layout::fields::Field;
use crate::sample::ResourceKind;
use crate::sample::removals::{Removal, RemovalStep, Removals, WorkItem};
use crate::sample::waits::Resource;

/// Flags of a css (include/linux/cgroup-defs.h).
const ONLINE: u64 = 1 << 1;
/// Bound on the removals of one answer that nobody asked for: to find the place of a work item takes
/// a walk of its queue, which is long in a storm.
const MAX_UNASKED: usize = 8;
/// Bound on the children of one css that are looked at.
const MAX_CHILDREN: usize = 1 << 14;
/// Bound on the nesting of cgroups.
const MAX_LEVELS: usize = 64;
/// The function of the removal itself, below which the task waits.
const RMDIR: &str = "cgroup_rmdir";
/// No thread: a grace period may wait for any.
const NOBODY: usize = usize::MAX;

/// A memory cgroup of the last walk, dead or alive.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct Css {
    pub(in crate::kernel) css: u64,
    pub(in crate::kernel) serial_nr: u64,
    pub(in crate::kernel) is_dead: bool,
}

/// The removals of a look, before it is assembled: tasks are indices of threads.
#[derive(Default)]
pub(super) struct Found {
    steps: Vec<Step>,
    omitted: u64,
    /// Tasks in `rmdir(2)`, with the memory cgroup where that was found.
    rmdirs: Vec<(usize, Option<u64>)>,
    not_checked: Option<String>,
}

struct Step {
    removal: Removal,
    resource: Option<Resource>,
}

impl Found {
    pub(super) fn not_checked(why: &Unreadable) -> Self {
        Self {
            not_checked: Some(why.to_string()),
            ..Self::default()
        }
    }

    /// The threads that a removal waits for.
    pub(super) fn threads(&self) -> impl Iterator<Item = usize> {
        let resources = self.steps.iter().filter_map(|step| step.resource.as_ref());
        let holders = resources.flat_map(|resource| &resource.holders);
        let holders = holders.map(|holder| holder.task as usize);
        holders.chain(self.rmdirs.iter().map(|(at, _)| *at))
    }

    /// Puts the removals into a look.
    pub(super) fn assemble(self, assembly: &mut Assembly<'_, '_>) -> Removals {
        let mut list = Vec::new();
        for Step {
            mut removal,
            resource,
        } in self.steps
        {
            if let Some(work) = &mut removal.work {
                for worker in &mut work.workers {
                    worker.task = assembly.task(worker.task as usize);
                }
            }
            removal.resource = resource.map(|resource| assembly.resource(resource));
            list.push(removal);
        }
        let mut strangers = Vec::new();
        for (at, serial_nr) in self.rmdirs {
            let task = assembly.task(at);
            match serial_nr {
                Some(serial_nr) => list.push(Removal {
                    serial_nr,
                    step: RemovalStep::Rmdir,
                    task: Some(task),
                    ..Removal::default()
                }),
                None => strangers.push(task),
            }
        }
        Removals {
            list,
            omitted: self.omitted,
            strangers,
            not_checked: self.not_checked,
        }
    }
}

/// Finds the removals of these memory cgroups, and that of `first` before the others.
pub(super) fn find(
    view: &View<'_>,
    workers: &Workers,
    csses: &[Css],
    first: Option<u64>,
    stacks: &[(usize, Stack<'_>)],
) -> Result<Found, Unreadable> {
    let mut found = Found::default();
    let (mut going, by_serial_nr) = on_their_way(view, csses)?;
    // The one that is asked for, the child that it waits for, and so on; then the others.
    let mut next = first;
    for _ in 0..MAX_LEVELS {
        let Some(one) = next.and_then(|serial_nr| by_serial_nr.get(&serial_nr)) else {
            break;
        };
        let one = *one;
        going.retain(|other| other.css.serial_nr != one.css.serial_nr);
        let step = step_or_not(view, workers, &one)?;
        next = step.removal.child_serial_nr;
        found.steps.push(step);
    }
    found.omitted = going.len().saturating_sub(MAX_UNASKED) as u64;
    for one in going.iter().take(MAX_UNASKED) {
        found.steps.push(step_or_not(view, workers, one)?);
    }
    found.rmdirs = rmdirs(view, csses, stacks)?;
    Ok(found)
}

/// A dead memory cgroup that is on its way.
#[derive(Clone, Copy)]
struct Going<'c> {
    css: &'c Css,
    is_online: bool,
}

/// The dead memory cgroups that are not offline or are being released, the oldest first. They are
/// read at once, for there may be many zombies, few of which are on their way.
fn on_their_way<'c>(
    view: &View<'_>,
    csses: &'c [Css],
) -> Result<(Vec<Going<'c>>, HashMap<u64, Going<'c>>), Unreadable> {
    let mut dead: Vec<&Css> = csses.iter().filter(|one| one.is_dead).collect();
    dead.sort_by_key(|one| one.serial_nr);
    let addresses: Vec<u64> = dead.iter().map(|one| one.css).collect();
    let serial_nrs = view.reader.column(&addresses, Field::CssSerialNr)?;
    let flags = view.reader.column(&addresses, Field::CssFlags)?;
    let data = column(view, &addresses, Field::CssRefcntData)?;
    let refs = view.reader.column(&data, Field::RefCount)?;
    let mut going = Vec::new();
    for (css, ((serial_nr, flags), refs)) in dead
        .into_iter()
        .zip(serial_nrs.into_iter().zip(flags).zip(refs))
    {
        // One that was released meanwhile cannot be read, or is another one.
        let Some(flags) = flags.filter(|_| serial_nr == Some(css.serial_nr)) else {
            continue;
        };
        let is_online = flags & ONLINE != 0;
        // The count of one that is offline is exact.
        if is_online || refs == Some(0) {
            going.push(Going { css, is_online });
        }
    }
    let by_serial_nr = going.iter().map(|one| (one.css.serial_nr, *one)).collect();
    Ok((going, by_serial_nr))
}

/// The step of a removal, or that it changed meanwhile.
fn step_or_not(view: &View<'_>, workers: &Workers, one: &Going<'_>) -> Result<Step, Unreadable> {
    match step(view, workers, one.css, one.is_online) {
        Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => Ok(Step {
            removal: Removal {
                serial_nr: one.css.serial_nr,
                not_known: Some("it changed while it was read".to_owned()),
                ..Removal::default()
            },
            resource: None,
        }),
        step => step,
    }
}

/// A field of many structs, 0 for those that cannot be read.
fn column(view: &View<'_>, bases: &[u64], field: Field) -> Result<Vec<u64>, Unreadable> {
    let column = view.reader.column(bases, field)?;
    Ok(column.into_iter().map(Option::unwrap_or_default).collect())
}

/// The step that a dead memory cgroup is at.
fn step(
    view: &View<'_>,
    workers: &Workers,
    one: &Css,
    is_online: bool,
) -> Result<Step, Unreadable> {
    let mut removal = Removal {
        serial_nr: one.serial_nr,
        ..Removal::default()
    };
    let resource = controllers::awaited(view, workers, NOBODY, one.css)?;
    removal.step = match resource.as_ref().map(|resource| resource.kind) {
        Some(ResourceKind::CgroupDrain) => RemovalStep::Drain,
        Some(ResourceKind::Work) if is_online => RemovalStep::Offline,
        Some(ResourceKind::Work) => RemovalStep::Release,
        Some(_) => RemovalStep::Grace,
        None => RemovalStep::Unknown,
    };
    match &resource {
        Some(resource) if resource.kind == ResourceKind::Work => {
            removal.work = Some(work(view, workers, resource)?);
        }
        Some(_) => {}
        None => {
            removal.child_serial_nr = online_child(view, one.css)?;
            match removal.child_serial_nr {
                Some(_) => removal.step = RemovalStep::Children,
                None => {
                    let why = "no work item, grace period or task was found that it waits for";
                    removal.not_known = Some(why.to_owned());
                }
            }
        }
    }
    Ok(Step { removal, resource })
}

fn work(view: &View<'_>, workers: &Workers, resource: &Resource) -> Result<WorkItem, Unreadable> {
    let runners = Runners {
        holders: resource.holders.clone(),
        incomplete: None,
    };
    queued::item(view, workers, resource.addr, &runners)
}

/// A child that is not offline: its parent goes offline after it (`css.online_cnt`).
fn online_child(view: &View<'_>, css: u64) -> Result<Option<u64>, Unreadable> {
    let children = css::children(view.reader, css, MAX_CHILDREN)?;
    let flags = view.reader.column(&children, Field::CssFlags)?;
    let mut online = children.into_iter().zip(flags);
    let online = online.find(|(_, flags)| flags.is_some_and(|flags| flags & ONLINE != 0));
    online
        .map(|(child, _)| view.reader.word(child, Field::CssSerialNr))
        .transpose()
}

/// The tasks in `rmdir(2)` of a cgroup, and the memory cgroup that each removes: the removal has
/// the cgroup and its directory on its stack.
fn rmdirs(
    view: &View<'_>,
    csses: &[Css],
    stacks: &[(usize, Stack<'_>)],
) -> Result<Vec<(usize, Option<u64>)>, Unreadable> {
    let removers: Vec<_> = stacks
        .iter()
        .filter(|(_, stack)| stack.has(&[RMDIR]))
        .collect();
    if removers.is_empty() {
        return Ok(Vec::new());
    }
    let alive: Vec<u64> = csses.iter().map(|one| one.css).collect();
    let cgroups = column(view, &alive, Field::CssCgroup)?;
    let nodes = column(view, &cgroups, Field::CgroupKn)?;
    let mut owner: HashMap<u64, usize> = HashMap::new();
    for (at, (cgroup, node)) in cgroups.into_iter().zip(nodes).enumerate() {
        for address in [cgroup, node]
            .into_iter()
            .filter(|one| is_kernel_address(*one))
        {
            owner.insert(address, at);
        }
    }
    let mut found = Vec::new();
    for (thread, stack) in removers {
        let mut named: Vec<usize> = stack
            .words
            .iter()
            .filter_map(|word| owner.get(word).copied())
            .collect();
        named.sort_unstable();
        named.dedup();
        let cgroup = deepest(view, &alive, &named)?;
        found.push((*thread, cgroup.map(|at| csses[at].serial_nr)));
    }
    Ok(found)
}

/// The one of several memory cgroups that all others are ancestors of, if there is one: the path
/// from the root to a directory leaves its nodes on the stack too.
fn deepest(view: &View<'_>, csses: &[u64], named: &[usize]) -> Result<Option<usize>, Unreadable> {
    for at in named {
        let mut line = Vec::new();
        let mut css = csses[*at];
        while is_kernel_address(css) && line.len() < MAX_LEVELS {
            line.push(css);
            css = view.reader.word(css, Field::CssParent)?;
        }
        if named.iter().all(|other| line.contains(&csses[*other])) {
            return Ok(Some(*at));
        }
    }
    Ok(None)
}
