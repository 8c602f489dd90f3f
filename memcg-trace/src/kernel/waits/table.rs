//! The table of waits: the resource that a task waits for, by the function it sleeps in. A new
//! kernel's wait is a row here. Sleeping locks have no row: stacks leave their functions out, and
//! the waiter's record says more.

use crate::sample::ResourceKind;

/// The kind of wait that a function means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// For work, a user or a clock: no task has to act.
    Idle,
    /// For a `percpu_rw_semaphore`, behind a writer.
    Percpu,
    /// For the readers of a `percpu_rw_semaphore` to leave, as its writer.
    PercpuDrain,
    /// For room in a pipe.
    PipeWrite,
    /// For bytes in a pipe.
    PipeRead,
    /// For a child to end.
    Child,
    /// For the other tasks of a pid namespace.
    PidNs,
    /// For the dying tasks of a cgroup.
    CgroupDrain,
    /// For a file system in user space.
    Fuse,
    /// For the answer to a permission event.
    Fanotify,
    /// For a grace period of RCU.
    Grace(Grace),
    /// For the readers of one SRCU domain.
    Srcu,
    /// For those who read or write a file of kernfs, as who removes it.
    Kernfs,
    /// For all that use the queue of a block device.
    QueueFreeze,
    /// For a work item.
    Work,
    /// For all items of a workqueue.
    Workqueue,
    /// For dead controllers of a cgroup to go offline, if the task sleeps in just this function.
    CgroupOffline,
    /// For the other threads of the process to end, if the task sleeps in just this function.
    Exec,
    /// For another thread to dump core.
    CoreDump,
    /// For something of which only the kind is known, and its name.
    Plain(ResourceKind, Option<&'static str>),
    /// As `Plain`, for a wait that surely ends.
    Ends(ResourceKind, Option<&'static str>),
    /// The task is frozen, if it sleeps in just this function: the freezer's functions are inlined
    /// into it (kernel/signal.c: do_freezer_trap()), and other waits below it do not mean that.
    Frozen,
}

/// The kind of grace period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grace {
    /// `synchronize_rcu()` and variants.
    Rcu,
    /// A callback that runs after one.
    Callback,
    /// `synchronize_rcu_tasks()` and variants: every task has to leave its CPU once by itself.
    Tasks,
}

/// One line for each function, or for several that mean the same.
#[rustfmt::skip]
const ROWS: &[(&[&str], How)] = &[
    (&["ep_poll", "do_epoll_wait", "do_nanosleep", "hrtimer_nanosleep", "do_sys_poll", "do_poll", "do_select"], How::Idle),
    (&["do_sigtimedwait", "sigsuspend", "ksys_pause", "__x64_sys_pause"], How::Idle),
    (&["worker_thread", "rescuer_thread", "kthreadd", "smpboot_thread_fn", "kthread_worker_fn"], How::Idle),
    (&["kswapd", "kcompactd", "khugepaged", "ksmd", "oom_reaper", "rcu_gp_kthread", "irq_thread"], How::Idle),
    (&["wait_woken", "n_tty_read", "inet_csk_accept", "__skb_wait_for_more_packets", "unix_stream_read_generic", "sk_wait_data"], How::Idle),
    (&["__wait_for_more_packets", "skb_wait_for_more_packets", "unix_accept", "unix_wait_for_peer", "do_msgrcv", "wq_sleep", "io_cqring_wait"], How::Idle),
    (&["fuse_dev_do_read", "fanotify_read", "inotify_read", "eventfd_read", "timerfd_read", "signalfd_read_iter", "devkmsg_read", "do_syslog"], How::Idle),
    (&["percpu_rwsem_wait"], How::Percpu),
    (&["percpu_down_write"], How::PercpuDrain),
    (&["anon_pipe_write", "pipe_write"], How::PipeWrite),
    (&["anon_pipe_read", "pipe_read"], How::PipeRead),
    (&["do_wait"], How::Child),
    (&["zap_pid_ns_processes"], How::PidNs),
    (&["cgroup_drain_dying"], How::CgroupDrain),
    (&["__flush_work", "flush_work", "start_flush_work"], How::Work),
    (&["__flush_workqueue", "flush_workqueue", "drain_workqueue"], How::Workqueue),
    (&["cgroup_lock_and_drain_offline"], How::CgroupOffline),
    (&["synchronize_rcu", "synchronize_rcu_normal", "synchronize_rcu_expedited"], How::Grace(Grace::Rcu)),
    (&["rcu_barrier", "exp_funnel_lock", "rcu_sync_enter"], How::Grace(Grace::Rcu)),
    (&["percpu_ref_switch_to_atomic_sync", "__percpu_ref_switch_mode"], How::Grace(Grace::Callback)),
    (&["synchronize_rcu_tasks", "synchronize_rcu_tasks_generic", "synchronize_rcu_tasks_rude", "synchronize_rcu_tasks_trace"], How::Grace(Grace::Tasks)),
    (&["__synchronize_srcu", "synchronize_srcu", "synchronize_srcu_expedited"], How::Srcu),
    (&["srcu_barrier"], How::Plain(ResourceKind::Rcu, Some("SRCU"))),
    (&["folio_wait_bit_common", "wait_on_page_bit_common", "wait_on_page_bit", "folio_wait_writeback"], How::Plain(ResourceKind::Io, None)),
    (&["__wait_on_buffer", "bit_wait_io", "out_of_line_wait_on_bit", "submit_bio_wait", "blk_mq_get_tag"], How::Plain(ResourceKind::Io, None)),
    (&["rq_qos_wait", "blk_wait_io", "wbt_wait", "__bio_queue_enter", "blk_queue_enter"], How::Plain(ResourceKind::Io, None)),
    (&["kernfs_drain", "__kernfs_remove"], How::Kernfs),
    (&["blk_mq_freeze_queue_wait"], How::QueueFreeze),
    (&["request_wait_answer", "__fuse_request_send", "__fuse_simple_request", "fuse_simple_request", "fuse_get_req"], How::Fuse),
    (&["fanotify_handle_event", "fanotify_handle_group_event", "fanotify_get_response"], How::Fanotify),
    (&["de_thread", "begin_new_exec"], How::Exec),
    (&["coredump_task_exit"], How::CoreDump),
    (&["futex_wait_queue_me", "futex_wait_queue", "futex_do_wait"], How::Plain(ResourceKind::Futex, None)),
    (&["__refrigerator", "do_freezer_trap", "do_jobctl_trap"], How::Plain(ResourceKind::Freezer, Some("the freezer"))),
    (&["get_signal"], How::Frozen),
    (&["handle_userfault"], How::Plain(ResourceKind::WaitQueue, Some("userfaultfd"))),
    (&["__mem_cgroup_handle_over_high", "mem_cgroup_handle_over_high"], How::Ends(ResourceKind::Throttle, Some("memory.high"))),
    (&["throttle_cfs_rq_work"], How::Ends(ResourceKind::Throttle, Some("cpu.max"))),
    (&["balance_dirty_pages", "io_schedule_timeout"], How::Ends(ResourceKind::Io, None)),
];

/// The row of the innermost of `functions` that has one, and that function.
pub(super) fn row<'a>(functions: &[&'a str]) -> Option<(&'a str, How)> {
    functions.iter().enumerate().find_map(|(at, function)| {
        let (_, how) = ROWS.iter().find(|(names, _)| names.contains(function))?;
        // Other waits below these functions do not mean that.
        let is_direct = matches!(how, How::Frozen | How::Exec | How::CgroupOffline);
        (!is_direct || at == 0).then_some((*function, *how))
    })
}

/// The waits of functions that stacks leave out, by the start of the name, since the compiler
/// appends to it. The innermost one on a stack counts.
const HIDDEN: &[(&str, Hidden)] = &[
    ("__mutex_lock", Hidden::Mutex),
    ("__ww_mutex_lock", Hidden::Mutex),
    ("rwsem_down_read", Hidden::RwsemRead),
    ("rwsem_down_write", Hidden::RwsemWrite),
    ("__down_read", Hidden::RwsemRead),
    ("__down_write", Hidden::RwsemWrite),
    ("__down", Hidden::Semaphore),
    ("wait_for_completion", Hidden::Completion),
    ("__wait_for_common", Hidden::Completion),
    ("wait_for_common", Hidden::Completion),
    ("rt_mutex", Hidden::RtMutex),
    ("__rt_mutex", Hidden::RtMutex),
    ("io_schedule", Hidden::Io),
    ("do_nanosleep", Hidden::Sleep),
    ("hrtimer_nanosleep_restart", Hidden::Sleep),
];

/// The meanings of [`HIDDEN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    /// `mutex_lock()`
    Mutex,
    /// `down_read()`
    RwsemRead,
    /// `down_write()`
    RwsemWrite,
    /// `down()`
    Semaphore,
    /// `wait_for_completion()`
    Completion,
    /// `rt_mutex_lock()`
    RtMutex,
    /// `io_schedule()`
    Io,
    /// `nanosleep()` that resumes after a stop or the like: then nothing else is on the stack.
    Sleep,
}

/// Functions in which a system call starts.
const ENTRIES: &[&str] = &[
    "__x64_sys_restart_syscall",
    "__ia32_sys_restart_syscall",
    "__do_sys_restart_syscall",
    "x64_sys_call",
    "ia32_sys_call",
    "do_syscall_64",
    "do_int80_emulation",
    "entry_SYSCALL_64_after_hwframe",
];

/// Returns whether a task sleeps in a left-out function itself, which its system call called
/// directly. An address of an earlier sleep may be left on a stack, but the function that the task
/// now waits in is on the stack as well.
pub(super) fn is_sleep(functions: &[&str], hidden: &[Hidden]) -> bool {
    let is_entry = |function: &&str| ENTRIES.contains(function);
    hidden.contains(&Hidden::Sleep) && functions.first().is_none_or(is_entry)
}

/// Returns whether a function is one of the slow paths.
pub(super) fn is_slow_path(function: &str) -> bool {
    HIDDEN.iter().any(|(begin, _)| function.starts_with(begin))
}

/// The waits of the functions that were left out, the innermost first.
pub(super) fn hidden(functions: &[&str]) -> Vec<Hidden> {
    let mut found = Vec::new();
    for function in functions {
        let row = HIDDEN.iter().find(|(begin, _)| function.starts_with(begin));
        if let Some((_, hidden)) = row
            && !found.contains(hidden)
        {
            found.push(*hidden);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_row_counts() {
        let functions = ["__dump_skip", "pipe_write", "do_wait"];
        assert_eq!(row(&functions), Some(("pipe_write", How::PipeWrite)));
        assert_eq!(row(&["cgroup_mkdir"]), None);
        assert_eq!(row(&["get_signal"]), Some(("get_signal", How::Frozen)));
        assert_eq!(row(&["coredump_wait", "get_signal"]), None);
        let functions = ["schedule", "io_schedule_timeout", "__mutex_lock"];
        assert_eq!(hidden(&functions), [Hidden::Io, Hidden::Mutex]);
        let functions = ["schedule", "do_nanosleep", "hrtimer_nanosleep_restart"];
        assert_eq!(hidden(&functions), [Hidden::Sleep]);
    }

    #[test]
    fn a_sleep_is_no_address_that_one_has_left() {
        let left = [Hidden::Sleep];
        assert!(is_sleep(&["do_syscall_64"], &left));
        assert!(is_sleep(&[], &left));
        assert!(!is_sleep(&["nfs_wait_on_request", "do_syscall_64"], &left));
        assert!(!is_sleep(&["do_syscall_64"], &[Hidden::Io]));
    }

    #[test]
    fn a_function_has_one_row() {
        let all: Vec<_> = ROWS.iter().flat_map(|(names, _)| *names).collect();
        for name in &all {
            assert_eq!(all.iter().filter(|one| *one == name).count(), 1, "{name}");
        }
    }
}
