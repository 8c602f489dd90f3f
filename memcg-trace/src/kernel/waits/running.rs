//! Tasks that are ready to run: whether they run, and if not, the task that has their CPU or the
//! cgroup that has used up its time. Runnable is not running.

use super::threads::Thread;
use super::view::View;
use crate::kernel::debugger::paths;
use crate::kernel::debugger::reader::is_kernel_address;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::Text;

/// `task.prio` of the fair classes starts here (include/linux/sched/prio.h: MAX_RT_PRIO).
const FAIR: u64 = 100;
/// A priority of the deadline class is negative (include/linux/sched/deadline.h: MAX_DL_PRIO).
const DEADLINE: u64 = 1 << 31;
/// Bound on the nesting of task groups, which is that of cgroups.
const LEVELS: usize = 64;

/// The obstacle that keeps a task from running, if there is one.
pub(super) struct Running {
    pub(super) cpu: u32,
    pub(super) on_cpu: bool,
    /// The thread that has the task's CPU.
    pub(super) behind: Option<usize>,
    pub(super) throttled_by: Option<Text>,
}

/// The obstacle of a task; `None` if the task is not ready to run.
pub(super) fn of(view: &View<'_>, at: usize) -> Option<Running> {
    let thread = &view.threads.all[at];
    if !thread.is_ready() {
        return None;
    }
    let cpu = view.reader.word(thread.addr, Field::TaskCpu).ok()?;
    let cpu = u32::try_from(cpu).ok()?;
    let mut running = Running {
        cpu,
        on_cpu: thread.on_cpu,
        behind: None,
        throttled_by: None,
    };
    if !running.on_cpu {
        running.behind = current(view, cpu).filter(|other| *other != at);
        running.throttled_by = throttled_by(view, thread);
    }
    Some(running)
}

/// The thread that has a CPU; `None` if the CPU is idle.
pub(super) fn current(view: &View<'_>, cpu: u32) -> Option<usize> {
    let queues = view.reader.per_cpu(Symbol::Runqueues).ok()?;
    let (_, queue) = queues.into_iter().find(|(one, _)| *one == cpu)?;
    let task = view.reader.word(queue, Field::RqCurr).ok()?;
    view.threads.at(task)
}

/// The priority of a real-time task.
pub(super) fn real_time(view: &View<'_>, thread: &Thread) -> Option<u32> {
    let prio = view.reader.word(thread.addr, Field::TaskPrio).ok()?;
    let priority = view.reader.word(thread.addr, Field::TaskRtPriority).ok()?;
    match prio {
        DEADLINE.. => Some(100),
        FAIR.. => None,
        // A task of the fair classes that inherited a real-time priority through a lock is no
        // real-time task.
        _ => u32::try_from(priority).ok().filter(|one| *one > 0),
    }
}

/// The nearest cgroup above a task that has used up its time, if there is one (kernel/sched/fair.c:
/// throttle_cfs_rq()).
fn throttled_by(view: &View<'_>, thread: &Thread) -> Option<Text> {
    let reader = view.reader;
    let mut queue = reader.word(thread.addr, Field::TaskCfsRq).ok()?;
    let mut parent = reader.word(thread.addr, Field::TaskSeParent).ok()?;
    // Since 6.18 the task itself is taken off its queue.
    let itself = reader.word(thread.addr, Field::TaskThrottled) == Ok(1);
    if !itself && reader.word(queue, Field::CfsRqThrottleCount).ok()? == 0 {
        return None;
    }
    for _ in 0..LEVELS {
        if reader.word(queue, Field::CfsRqThrottled).ok()? != 0 {
            let group = reader.word(queue, Field::CfsRqTg).ok()?;
            let cgroup = reader.word(group, Field::TgCgroup).ok()?;
            let node = reader.word(cgroup, Field::CgroupKn).ok()?;
            return paths::of_kernfs(reader, node);
        }
        if !is_kernel_address(parent) {
            break;
        }
        queue = reader.word(parent, Field::SeCfsRq).ok()?;
        parent = reader.word(parent, Field::SeParent).ok()?;
    }
    None
}
