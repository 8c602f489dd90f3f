//! The current task, and the time.

use aya_ebpf::helpers::generated::{
    bpf_get_current_pid_tgid, bpf_get_current_task, bpf_ktime_get_ns,
};

use crate::layout::read::{LAYOUT, field};

/// CLOCK_MONOTONIC.
#[inline(always)]
pub fn now_ns() -> u64 {
    // SAFETY: no preconditions.
    unsafe { bpf_ktime_get_ns() }
}

/// Process id in the upper half, thread id in the lower.
#[inline(always)]
pub fn this_task() -> u64 {
    // SAFETY: no preconditions.
    unsafe { bpf_get_current_pid_tgid() }
}

/// Address of the current `task_struct`.
#[inline(always)]
pub fn task_struct() -> u64 {
    // SAFETY: no preconditions.
    unsafe { bpf_get_current_task() }
}

/// Time that the task has run outside the kernel, as far as the kernel counts that.
#[inline(always)]
pub fn user_ns() -> u64 {
    field(task_struct(), &LAYOUT.task_utime).unwrap_or(0)
}

/// Address and start time of the current task.
#[inline(always)]
pub fn task_and_start() -> (u64, u64) {
    let task = task_struct();
    (task, field(task, &LAYOUT.task_start_time).unwrap_or(0))
}
