//! Whom the kernel kills for memory: one record in a ring buffer each, since they are rare.

use aya_ebpf::helpers::bpf_get_current_comm;
use aya_ebpf::helpers::generated::{bpf_get_current_pid_tgid, bpf_ktime_get_ns};
use aya_ebpf::macros::{kprobe, map};
use aya_ebpf::maps::RingBuf;
use aya_ebpf::programs::ProbeContext;
use memcg_trace_common::loss::Loss;
use memcg_trace_common::reclaim::OomRecord;

use crate::loss::lost;
use crate::memcg::serial_nr_of_task;
use crate::read::{LAYOUT, field, pointer};

#[map]
static OOM: RingBuf = RingBuf::with_byte_size(1 << 16, 0);

/// `oom_kill_process(oc, message)`: the choice is made.
#[kprobe]
pub fn oom_kill(ctx: ProbeContext) -> u32 {
    let control: u64 = ctx.arg(0).unwrap_or(0);
    let victim = pointer(control, &LAYOUT.oom_chosen);
    let limit = pointer(control, &LAYOUT.oom_memcg);
    let Some(mut entry) = OOM.reserve::<OomRecord>(0) else {
        lost(Loss::OomRing, 1);
        return 0;
    };
    // SAFETY: the entry is reserved memory of that size; every field is written below.
    unsafe {
        let out = entry.as_mut_ptr();
        (*out).time_ns = bpf_ktime_get_ns();
        (*out).limit_serial_nr = pointer(limit, &LAYOUT.css_serial_nr);
        (*out).victim_serial_nr = serial_nr_of_task(victim);
        (*out).total_pages = pointer(control, &LAYOUT.oom_total_pages);
        (*out).points = pointer(control, &LAYOUT.oom_points) as i64;
        (*out).victim_pid = field(victim, &LAYOUT.task_tgid).unwrap_or(0);
        (*out).pid = (bpf_get_current_pid_tgid() >> 32) as u32;
        (*out).victim_comm = field(victim, &LAYOUT.task_comm).unwrap_or_default();
        (*out).comm = bpf_get_current_comm().unwrap_or_default();
    }
    entry.submit(0);
    0
}
