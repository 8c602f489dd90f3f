//! Waits of tasks for tasks: of a parent for its children, of the init of a pid namespace for all
//! tasks in it, of a cgroup's removal for the tasks that die in it, and of a zombie for its parent.

use std::collections::HashMap;

use super::finding::{Finding, holder};
use super::records::{self, Entry, LinkMemory};
use super::stacks::Stack;
use super::threads::{EXIT_ZOMBIE, Threads};
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::paths;
use crate::kernel::debugger::reader::{Reader, is_kernel_address};
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{EndsOn, Evidence, Holder, Resource};
use crate::sample::{Mode, ResourceKind};

/// Bound on the nesting of pid namespaces (include/linux/pid_namespace.h: MAX_PID_NS_LEVEL).
const LEVELS: u64 = 32;

/// Processes with their threads, children and parents.
#[derive(Debug, Default)]
pub(super) struct Family {
    /// Threads of a process, by its pid.
    threads: HashMap<u32, Vec<usize>>,
    /// Processes by the pid of their parent.
    children: HashMap<u32, Vec<u32>>,
    /// The parent process of each thread.
    parents: Vec<u32>,
    /// The `struct pid` of each thread; 0 once it has none.
    pids: Vec<u64>,
}

impl Family {
    pub(super) fn read(reader: &Reader<'_>, threads: &Threads) -> Result<Self, Unreadable> {
        let tasks: Vec<_> = threads.all.iter().map(|thread| thread.addr).collect();
        let parents = reader.column(&tasks, Field::TaskRealParent)?;
        let pids = reader.column(&tasks, Field::TaskThreadPid)?;
        let mut family = Self {
            pids: pids.into_iter().map(Option::unwrap_or_default).collect(),
            ..Self::default()
        };
        for (at, thread) in threads.all.iter().enumerate() {
            family.threads.entry(thread.tgid).or_default().push(at);
            // The thread that forked; but its process reaps.
            let parent = parents[at].and_then(|parent| threads.at(parent));
            let parent = parent.map_or(0, |parent| threads.all[parent].tgid);
            family.parents.push(parent);
            if thread.addr == thread.leader {
                family.children.entry(parent).or_default().push(thread.tgid);
            }
        }
        Ok(family)
    }

    fn holders(&self, process: u32) -> Vec<Holder> {
        let threads = self.threads.get(&process).into_iter().flatten();
        threads
            .map(|at| holder(*at, Mode::Write, Evidence::OwnerWord))
            .collect()
    }
}

/// The wait of a zombie for its parent, or its tracer if it has one, to reap it (kernel/exit.c:
/// wait_consider_task()): any thread of the parent process does. The leader of live threads waits
/// for them first; another thread remains after its end only if it is traced.
pub(super) fn zombie(view: &View<'_>, family: &Family, at: usize) -> Option<Finding> {
    let thread = &view.threads.all[at];
    if thread.exit_state & EXIT_ZOMBIE == 0 {
        return None;
    }
    let leads = thread.addr == thread.leader;
    if leads && family.threads.get(&thread.tgid)?.len() > 1 {
        return None;
    }
    let is_traced = view.reader.word(thread.addr, Field::TaskPtrace).ok()? != 0;
    let reaper = match (is_traced, leads) {
        (true, _) => {
            let tracer = view.reader.word(thread.addr, Field::TaskParent).ok()?;
            view.threads.all[view.threads.at(tracer)?].tgid
        }
        (false, true) => family.parents[at],
        (false, false) => return None,
    };
    let resource = Resource {
        kind: ResourceKind::Reap,
        addr: thread.addr,
        holders: family.holders(reaper),
        ..Resource::default()
    };
    let mut finding = Finding::new(at, resource, Mode::Write, Evidence::OwnerWord);
    finding.wait.ends_on = EndsOn::Nothing;
    Some(finding)
}

/// A wait in `wait4(2)` or a variant. Only the caller knows which child it waits for: any may end
/// the wait.
pub(super) fn child(view: &View<'_>, family: &Family, at: usize) -> Finding {
    let thread = &view.threads.all[at];
    let children = family.children.get(&thread.tgid).into_iter().flatten();
    let resource = Resource {
        kind: ResourceKind::ChildExit,
        addr: thread.leader,
        holders: children
            .flat_map(|child| family.holders(*child))
            .map(|holder| Holder {
                evidence: Evidence::Inferred,
                ..holder
            })
            .collect(),
        ..Resource::default()
    };
    Finding::new(at, resource, Mode::Write, Evidence::Inferred)
}

/// The wait of the init of a pid namespace that ends for all others in the namespace and below
/// (kernel/pid_namespace.c: zap_pid_ns_processes()).
pub(super) fn pid_namespace(
    view: &View<'_>,
    family: &Family,
    at: usize,
) -> Result<Option<Finding>, Unreadable> {
    let reader = view.reader;
    let own = family.pids[at];
    if !is_kernel_address(own) {
        return Ok(None);
    }
    let level = reader.word(own, Field::PidLevel)?.min(LEVELS);
    let namespace = namespace(reader, own, level)?;
    let levels = reader.column(&family.pids, Field::PidLevel)?;
    let mut resource = Resource {
        kind: ResourceKind::PidNsDrain,
        addr: namespace,
        ino: reader.word(namespace, Field::PidNsInum).ok(),
        ..Resource::default()
    };
    let process = view.threads.all[at].tgid;
    for (other, pid) in family.pids.iter().enumerate() {
        if view.threads.all[other].tgid == process || !is_kernel_address(*pid) {
            continue;
        }
        let is_deep = levels[other].is_some_and(|deep| deep >= level && deep <= LEVELS);
        if is_deep && self::namespace(reader, *pid, level) == Ok(namespace) {
            resource
                .holders
                .push(holder(other, Mode::Write, Evidence::OwnerWord));
        }
    }
    Ok(Some(Finding::new(
        at,
        resource,
        Mode::Write,
        Evidence::Inferred,
    )))
}

/// The namespace in which a pid has its number of `level`: `pid->numbers[level].ns`.
fn namespace(reader: &Reader<'_>, pid: u64, level: u64) -> Result<u64, Unreadable> {
    let in_entry = reader.place(Field::UpidNs)?;
    // The namespace is the last member of a struct upid.
    let entry_bytes = in_entry.offset + in_entry.bytes;
    let numbers = reader.offset(Field::PidNumbers)?;
    let entry = numbers + level * entry_bytes;
    reader.word_at(pid.wrapping_add(entry + in_entry.offset))
}

/// The wait of a task that removes a cgroup for those tasks in it that have begun to exit and are
/// not dead yet (kernel/cgroup/cgroup.c: cgroup_drain_dying(), 6.19 and 7.0).
pub(super) fn cgroup(
    view: &View<'_>,
    at: usize,
    stack: &Stack<'_>,
) -> Result<Option<Finding>, Unreadable> {
    let reader = view.reader;
    let waiters = reader.offset(Field::CgroupDyingWaiters)?;
    let Some(waker) = view.symbols.address(Symbol::AutoremoveWakeFunction) else {
        return Ok(None);
    };
    let task = view.threads.all[at].addr;
    let entry = Entry::of(|field| reader.offset(field))?;
    let head = LinkMemory::now(reader, view.threads, |memory| {
        records::queue_of(memory, stack, task, entry, waker, |_| true)
    })?;
    let Some(head) = head else { return Ok(None) };
    let cgroup = head.wrapping_sub(waiters);
    let tasks: Vec<_> = view.threads.all.iter().map(|thread| thread.addr).collect();
    let css_sets = reader.column(&tasks, Field::TaskCgroups)?;
    let css_sets: Vec<_> = css_sets
        .into_iter()
        .map(Option::unwrap_or_default)
        .collect();
    let cgroups = reader.column(&css_sets, Field::CssSetDflCgrp)?;
    let members = view.threads.all.iter().zip(cgroups).enumerate();
    let members = members.filter(|(_, (thread, of))| *of == Some(cgroup) && thread.exit_state == 0);
    let node = reader.word(cgroup, Field::CgroupKn)?;
    let resource = Resource {
        kind: ResourceKind::CgroupDrain,
        addr: cgroup,
        of: paths::of_kernfs(reader, node),
        ino: reader.word(node, Field::KernfsId).ok(),
        holders: members
            .map(|(member, _)| holder(member, Mode::Write, Evidence::OwnerWord))
            .collect(),
        ..Resource::default()
    };
    Ok(Some(Finding::new(
        at,
        resource,
        Mode::Write,
        Evidence::OwnerWord,
    )))
}
