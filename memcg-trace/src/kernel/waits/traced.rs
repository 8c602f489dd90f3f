//! Event data for the waits that a look finds: start times, and holders that memory does not
//! record.
//!
//! Read before the look: a wait that has ended since is not in the look, or is not the same in the
//! next one.

use memcg_trace_common::hold::{Dump, Hold, Offline};
use memcg_trace_common::lock::{Wait, flags};

use super::events::Events;
use super::finding::Finding;
use super::view::View;
use crate::deadlock::table;
use crate::kernel::layout::fields::Field;
use crate::sample::Mode;
use crate::sample::waits::Evidence;

/// Functions that a thread is in while it dumps core (fs/coredump.c).
const DUMPS: &[&str] = &["do_coredump", "vfs_coredump", "elf_core_dump"];

/// Returns whether a thread is the one that started at `start_ns`: memory of tasks is used again.
fn is_same(view: &View<'_>, at: usize, start_ns: u64) -> bool {
    let task = view.threads.all[at].addr;
    view.reader.word(task, Field::TaskStartTime) == Ok(start_ns)
}

/// Returns whether a thread existed at `at_ns`: a thread that started later only has the same
/// memory.
fn lived(view: &View<'_>, at: usize, at_ns: u64) -> bool {
    let task = view.threads.all[at].addr;
    let start_ns = view.reader.word(task, Field::TaskStartTime);
    start_ns.is_ok_and(|start_ns| start_ns <= at_ns)
}

/// Returns whether a thread that was seen to ask for a lock may still have it. No task returns to
/// user space with a lock that is a kernel variable; but a task that froze a file system does
/// return with its locks.
fn may_have(view: &View<'_>, at: usize, hold: &Hold) -> bool {
    let task = view.threads.all[at].addr;
    let user_ns = view.reader.word(task, Field::TaskUtime);
    let has_left = user_ns.is_ok_and(|user_ns| user_ns > hold.user_ns);
    !has_left || view.name_of(hold.lock).is_none()
}

/// Returns whether a thread may be in one of these functions: a thread that runs always may.
fn may_be_in(view: &View<'_>, at: usize, functions: &[&str]) -> bool {
    let now_in = view.functions(at);
    let is_asleep = view.threads.all[at].sleeps() && !now_in.is_empty();
    !is_asleep || now_in.iter().any(|one| functions.contains(one))
}

impl Events {
    /// The wait of a thread for a lock, if an event recorded its start.
    fn wait(&self, view: &View<'_>, at: usize, lock: u64) -> Option<&Wait> {
        let wait = self.waits.get(&view.threads.all[at].addr)?;
        (wait.lock == lock && lived(view, at, wait.begin_ns)).then_some(wait)
    }

    /// Threads that asked for a lock in this mode and have not released it, and when they asked:
    /// also those that are still queued.
    pub(super) fn askers(&self, view: &View<'_>, lock: u64, mode: Mode) -> Vec<(usize, u64)> {
        let wanted = match mode {
            Mode::Read => flags::READ,
            Mode::Write => flags::WRITE,
        };
        let of_lock = self.holds.iter();
        let of_lock = of_lock.filter(|hold| hold.lock == lock && hold.flags & wanted != 0);
        let threads = of_lock.filter_map(|hold| {
            let at = view.threads.at(hold.task)?;
            let may = lived(view, at, hold.asked_ns) && may_have(view, at, hold);
            may.then_some((at, hold.asked_ns))
        });
        threads.collect()
    }

    /// The askers without those that are seen to wait for the lock.
    pub(super) fn holders(&self, view: &View<'_>, lock: u64, mode: Mode) -> Vec<usize> {
        let queued_in = [
            "percpu_rwsem_wait",
            "percpu_down_write",
            "__percpu_down_read",
        ];
        let askers = self.askers(view, lock, mode).into_iter();
        let holders = askers.filter(|(at, _)| {
            let waits = view.functions(*at);
            let is_queued = waits.iter().any(|function| queued_in.contains(function));
            !is_queued && self.wait(view, *at, lock).is_none()
        });
        holders.map(|(at, _)| at).collect()
    }

    /// The offline operation of the thread that has `mem_hotplug_lock` for writing.
    pub(super) fn offline(&self, view: &View<'_>, at: usize) -> Option<&Offline> {
        let offline = self.offlines.get(&view.threads.all[at].addr)?;
        is_same(view, at, offline.start_ns).then_some(offline)
    }

    /// The page of its own memory that a thread last took while it dumped core.
    pub(super) fn dump(&self, view: &View<'_>, at: usize) -> Option<&Dump> {
        let dump = self.dumps.get(&view.threads.all[at].addr)?;
        // A task that has dumped core exits, and does nothing else.
        let may = is_same(view, at, dump.start_ns)
            && !view.threads.all[at].exits()
            && may_be_in(view, at, DUMPS);
        (may && dump.address != 0).then_some(dump)
    }

    /// Returns whether a thread was set up to read the core that another one dumps.
    pub(super) fn reads_core_of(&self, view: &View<'_>, reader: usize, dumper: usize) -> bool {
        let helper = self.dump_helpers.get(&view.threads.all[reader].addr);
        helper.is_some_and(|helper| {
            view.threads.by_stack(helper.params) == Some(dumper)
                && is_same(view, reader, helper.start_ns)
                // The task's memory may have been another task's then.
                && lived(view, dumper, helper.begin_ns)
        })
    }

    /// Sets the start of a wait for a lock, if an event recorded it.
    pub(super) fn set_start(&self, view: &View<'_>, finding: &mut Finding) {
        let Finding {
            thread,
            resource,
            wait,
            ..
        } = finding;
        if !table::is_lock(resource.kind) || resource.addr == 0 {
            return;
        }
        let begun = self.wait(view, *thread, resource.addr);
        let since_ns = begun.map(|wait| wait.begin_ns).or_else(|| {
            // A writer that waits for readers to leave records no wait.
            let askers = self.askers(view, resource.addr, wait.mode);
            let asked = askers.into_iter().find(|(at, _)| at == thread);
            asked.map(|(_, asked_ns)| asked_ns)
        });
        if since_ns.is_some() {
            wait.since_ns = since_ns;
            wait.evidence = Evidence::Traced;
        }
    }
}
