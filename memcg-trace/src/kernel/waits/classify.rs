//! Classification of the wait of one sleeping thread: by the record that it left, else by the
//! function that it sleeps in.

use super::family;
use super::finding::Finding;
use super::pipes;
use super::read_once::ReadOnce;
use super::stacks::Stack;
use super::table::{self, Grace, Hidden, How};
use super::threads::{self, Thread};
use super::view::View;
use super::{
    controllers, disk_queues, grace, kernfs, locks, percpu_rwsems, processes, servers, srcu, work,
};
use crate::kernel::debugger::memory::Unreadable;
use crate::sample::waits::{Evidence, Resource};
use crate::sample::{Mode, ResourceKind};

/// The wait of a thread that sleeps; `None` where no task has to act.
pub(super) fn classify(
    view: &View<'_>,
    read_once: &mut ReadOnce<'_>,
    at: usize,
    thread: &Thread,
    stack: &Stack<'_>,
) -> Result<Option<Finding>, Unreadable> {
    let hidden = table::hidden(&stack.hidden);
    let is_interruptible = thread.state & threads::INTERRUPTIBLE != 0;
    if let Some(finding) = locks::wait(view, at, stack, &hidden)? {
        return Ok(Some(finding));
    }
    if let Some((function, how)) = table::row(&stack.functions) {
        if how == How::Idle {
            return Ok(None);
        }
        if let Some(mut finding) = by_row(view, read_once, at, stack, how)? {
            finding.wait.function = Some(function.to_owned());
            return Ok(Some(finding));
        }
    }
    if hidden.contains(&Hidden::Completion) {
        return match processes::completion(view, at, stack)? {
            Some(finding) => Ok(Some(finding)),
            None => {
                let mut finding = locks::completion(view, at, stack)?;
                // Without an address, the slow path may be left from an earlier sleep.
                finding.is_common = is_interruptible && finding.resource.addr == 0;
                Ok(Some(finding))
            }
        };
    }
    if hidden.contains(&Hidden::Io) {
        return Ok(Some(plain(at, ResourceKind::Io, None)));
    }
    let sleeps = is_interruptible && table::is_sleep(&stack.functions, &hidden);
    if sleeps || processes::has_just_begun(stack) {
        return Ok(None);
    }
    let mut finding = plain(at, ResourceKind::Unknown, None);
    // A task that a signal wakes may sleep by its own will.
    finding.is_common = is_interruptible;
    Ok(Some(finding))
}

fn by_row(
    view: &View<'_>,
    read_once: &mut ReadOnce<'_>,
    at: usize,
    stack: &Stack<'_>,
    how: How,
) -> Result<Option<Finding>, Unreadable> {
    match how {
        How::Idle => Ok(None),
        How::Percpu => percpu_rwsems::wait(view, at, stack),
        How::PercpuDrain => percpu_rwsems::drain(view, at, stack),
        How::PipeWrite => pipes::wait(view, read_once.pipes()?, at, stack, Mode::Write),
        How::PipeRead => pipes::wait(view, read_once.pipes()?, at, stack, Mode::Read),
        How::Child => Ok(Some(family::child(view, read_once.family()?, at))),
        How::PidNs => family::pid_namespace(view, read_once.family()?, at),
        How::CgroupDrain => family::cgroup(view, at, stack),
        How::Fuse => servers::fuse(view, at, stack),
        How::Fanotify => servers::fanotify(view, at, stack),
        How::Grace(Grace::Rcu) => Ok(Some(grace::rcu(view, at)?)),
        How::Grace(Grace::Callback) => Ok(Some(grace::callback(view, at)?)),
        How::Grace(Grace::Tasks) => Ok(Some(grace::tasks(view, at, stack)?)),
        How::Srcu => Ok(Some(srcu::wait(view, at, stack)?)),
        How::Kernfs => Ok(Some(kernfs::drain(view, at, stack)?)),
        How::QueueFreeze => Ok(Some(disk_queues::freeze(view, at, stack)?)),
        How::Exec => Ok(Some(processes::exec(view, at))),
        How::CoreDump => processes::core_dump(view, at),
        How::Work => work::flush(view, read_once.workers()?, at, stack),
        How::Workqueue => work::flush_all(view, read_once.workers()?, at),
        How::CgroupOffline => controllers::offline(view, read_once.workers()?, at, stack),
        How::Frozen => {
            let kind = ResourceKind::Freezer;
            Ok(Some(plain(at, kind, Some("the freezer"))))
        }
        How::Plain(kind, name) => Ok(Some(plain(at, kind, name))),
        How::Ends(kind, name) => Ok(Some(ends(at, kind, name))),
    }
}

/// A wait for a resource that could not be read, or changed or vanished meanwhile: only the
/// functions of the stack tell its kind.
pub(super) fn not_read(
    at: usize,
    thread: &Thread,
    stack: &Stack<'_>,
    why: String,
) -> Option<Finding> {
    match table::row(&stack.functions).map(|(_, how)| how) {
        Some(How::Idle) => return None,
        Some(How::Plain(kind, name)) => return Some(plain(at, kind, name)),
        Some(How::Ends(kind, name)) => return Some(ends(at, kind, name)),
        _ => {}
    }
    if table::hidden(&stack.hidden).contains(&Hidden::Io) {
        return Some(plain(at, ResourceKind::Io, None));
    }
    let mut finding = plain(at, ResourceKind::Unknown, None);
    finding.resource.incomplete = Some(why);
    finding.is_common = thread.state & threads::INTERRUPTIBLE != 0;
    Some(finding)
}

/// A wait that surely ends.
fn ends(at: usize, kind: ResourceKind, name: Option<&str>) -> Finding {
    let mut finding = plain(at, kind, name);
    finding.wait.times_out = true;
    finding
}

/// A wait of which the table knows only the kind.
fn plain(at: usize, kind: ResourceKind, name: Option<&str>) -> Finding {
    let resource = Resource {
        kind,
        name: name.map(str::to_owned),
        incomplete: Some("who ends it is not known".to_owned()),
        ..Resource::default()
    };
    Finding::new(at, resource, Mode::Write, Evidence::Inferred)
}
