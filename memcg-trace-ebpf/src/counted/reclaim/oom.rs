//! OOM kills: one record in a ring buffer for each, since they are rare.

use aya_ebpf::helpers::bpf_get_current_comm;
use aya_ebpf::macros::kprobe;
use aya_ebpf::programs::ProbeContext;
use memcg_trace_common::loss::Loss;
use memcg_trace_common::reclaim::{OomRecord, oom_kind};

use super::oom_memory::remember;
use super::oom_ring::OOM;
use crate::counted::memcgs::{memcg_of_task, serial_nr_of_task};
use crate::current::{now_ns, this_task};
use crate::layout::read::{LAYOUT, field, pointer};
use crate::maps::loss::lost;

/// `OOM_SCORE_ADJ_MIN` (include/uapi/linux/oom.h).
const NEVER: i16 = -1000;

/// A kill of `victim`; without a `control` it belongs to the kill before it.
#[inline(always)]
fn report(victim: u64, control: u64) {
    let limit = pointer(control, &LAYOUT.oom_memcg);
    let Some(mut entry) = OOM.reserve::<OomRecord>(0) else {
        lost(Loss::OomRing, 1);
        return;
    };
    // SAFETY: the entry is reserved memory of that size; every field is written below.
    unsafe {
        let out = entry.as_mut_ptr();
        (*out).time_ns = now_ns();
        (*out).kind = if control == 0 {
            oom_kind::MEMBER
        } else {
            oom_kind::CHOSEN
        };
        (*out).limit_serial_nr = pointer(limit, &LAYOUT.css_serial_nr);
        (*out).victim_serial_nr = serial_nr_of_task(victim);
        (*out).total_pages = pointer(control, &LAYOUT.oom_total_pages);
        (*out).points = pointer(control, &LAYOUT.oom_points) as i64;
        (*out).victim_pid = field(victim, &LAYOUT.task_tgid).unwrap_or(0);
        (*out).pid = (this_task() >> 32) as u32;
        (*out).victim_comm = field(victim, &LAYOUT.task_comm).unwrap_or_default();
        (*out).comm = bpf_get_current_comm().unwrap_or_default();
    }
    entry.submit(0);
}

/// `oom_kill_process(oc, message)`: the victim is chosen.
#[kprobe]
pub fn oom_kill(ctx: ProbeContext) -> u32 {
    let control: u64 = ctx.arg(0).unwrap_or(0);
    let victim = pointer(control, &LAYOUT.oom_chosen);
    report(victim, control);
    remember(pointer(control, &LAYOUT.oom_memcg), memcg_of_task(victim));
    0
}

/// `oom_kill_memcg_member(task, message)`: with `memory.oom.group` all tasks of a memcg are killed
/// at once, the chosen one among them, except tasks that may never be killed.
#[kprobe]
pub fn oom_kill_member(ctx: ProbeContext) -> u32 {
    let task: u64 = ctx.arg(0).unwrap_or(0);
    let signal = pointer(task, &LAYOUT.task_signal);
    if field::<i16>(signal, &LAYOUT.signal_oom_score_adj) != Some(NEVER) {
        report(task, 0);
    }
    0
}
