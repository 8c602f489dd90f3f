//! Classification of the wait of one sleeping thread: by the record that it left, else by the
//! function that it sleeps in.

use super::family::{self, Family};
use super::pipes::{self, Pipes};
use super::stacks::Stack;
use super::table::{self, Hidden, How};
use super::threads::{self, Thread};
use super::workers::Workers;
use super::{Finding, Looking, controllers, grace, locks, processes, servers, work};
use crate::kernel::debugger::memory::Unreadable;
use crate::sample::waits::{Evidence, Resource};
use crate::sample::{Mode, ResourceKind};

impl Looking<'_, '_> {
    /// The wait of a thread that sleeps; `None` where no task has to act.
    pub(super) fn classify(
        &mut self,
        at: usize,
        thread: &Thread,
        stack: &Stack<'_>,
    ) -> Result<Option<Finding>, Unreadable> {
        let hidden = table::hidden(&stack.hidden);
        let is_interruptible = thread.state & threads::INTERRUPTIBLE != 0;
        if let Some(finding) = locks::wait(self.view, at, stack, &hidden)? {
            return Ok(Some(finding));
        }
        if let Some((function, how)) = table::row(&stack.functions) {
            if how == How::Idle {
                return Ok(None);
            }
            if let Some(mut finding) = self.by_row(at, stack, how)? {
                finding.wait.function = Some(function.to_owned());
                return Ok(Some(finding));
            }
        }
        if hidden.contains(&Hidden::Completion) {
            return match processes::completion(self.view, at, stack)? {
                Some(finding) => Ok(Some(finding)),
                None => {
                    let mut finding = locks::completion(self.view, at, stack)?;
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
        &mut self,
        at: usize,
        stack: &Stack<'_>,
        how: How,
    ) -> Result<Option<Finding>, Unreadable> {
        match how {
            How::Idle => Ok(None),
            How::Percpu => locks::percpu(self.view, at, stack),
            How::PercpuDrain => locks::percpu_drain(self.view, at, stack),
            How::PipeWrite => self.pipe(at, stack, Mode::Write),
            How::PipeRead => self.pipe(at, stack, Mode::Read),
            How::Child => {
                let view = self.view;
                Ok(Some(family::child(view, self.family()?, at)))
            }
            How::PidNs => {
                let view = self.view;
                family::pid_namespace(view, self.family()?, at)
            }
            How::CgroupDrain => family::cgroup(self.view, at, stack),
            How::Fuse => servers::fuse(self.view, at, stack),
            How::Fanotify => servers::fanotify(self.view, at, stack),
            How::Grace(grace) => grace::wait(self.view, at, grace),
            How::Exec => Ok(Some(processes::exec(self.view, at))),
            How::CoreDump => processes::core_dump(self.view, at),
            How::Work | How::Workqueue | How::CgroupOffline => self.work(at, stack, how),
            How::Frozen => {
                let kind = ResourceKind::Freezer;
                Ok(Some(plain(at, kind, Some("the freezer"))))
            }
            How::Plain(kind, name) => Ok(Some(plain(at, kind, name))),
            How::Ends(kind, name) => Ok(Some(ends(at, kind, name))),
        }
    }

    fn pipe(
        &mut self,
        at: usize,
        stack: &Stack<'_>,
        mode: Mode,
    ) -> Result<Option<Finding>, Unreadable> {
        let view = self.view;
        if self.pipes.is_none() {
            self.pipes = Some(Pipes::read(view)?);
        }
        match &self.pipes {
            Some(pipes) => pipes::wait(view, pipes, at, stack, mode),
            None => Ok(None),
        }
    }

    pub(super) fn family(&mut self) -> Result<&Family, Unreadable> {
        if self.family.is_none() {
            self.family = Some(Family::read(self.view.reader, self.view.threads)?);
        }
        match &self.family {
            Some(family) => Ok(family),
            None => Err(Unreadable::Changed("the family of tasks")),
        }
    }

    fn work(
        &mut self,
        at: usize,
        stack: &Stack<'_>,
        how: How,
    ) -> Result<Option<Finding>, Unreadable> {
        let view = self.view;
        if self.workers.is_none() {
            self.workers = Some(Workers::read(view)?);
        }
        match (&self.workers, how) {
            (None, _) => Ok(None),
            (Some(workers), How::Workqueue) => work::flush_all(view, workers, at),
            (Some(workers), How::CgroupOffline) => controllers::offline(view, workers, at, stack),
            (Some(workers), _) => work::flush(view, workers, at, stack),
        }
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
