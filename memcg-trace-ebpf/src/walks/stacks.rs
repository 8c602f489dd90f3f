//! Stacks of all tasks, as the kernel itself unwinds them: an iterator, whose output user space
//! reads like a file. It is the only walk that is not a raw tracepoint, since no other kind of
//! program may ask for the stack of another task.

use core::ffi::c_void;

use aya_ebpf::bindings::{seq_file, task_struct};
use aya_ebpf::helpers::generated::{bpf_get_task_stack, bpf_seq_write};
use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use memcg_trace_common::stack::{STACK_DEPTH, StackRow};

use crate::layout::read::{LAYOUT, field};

/// Too large for a program's own stack.
#[map]
static STACK_ROW: PerCpuArray<StackRow> = PerCpuArray::with_max_entries(1, 0);

/// `struct bpf_iter_meta` (include/linux/bpf.h): the members that are used.
#[repr(C)]
struct Meta {
    seq: *mut seq_file,
}

/// `struct bpf_iter__task` (kernel/bpf/task_iter.c).
#[repr(C)]
pub struct TaskContext {
    meta: *const Meta,
    task: *mut task_struct,
}

#[inline(always)]
fn switches(task: u64) -> u64 {
    field::<u64>(task, &LAYOUT.task_nvcsw).unwrap_or(0)
        + field::<u64>(task, &LAYOUT.task_nivcsw).unwrap_or(0)
}

/// Writes a row for each task.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
pub extern "C" fn task_stacks(ctx: *const TaskContext) -> i32 {
    // SAFETY: the context of this kind of program, which the verifier checks.
    let (meta, task) = unsafe { ((*ctx).meta, (*ctx).task) };
    if task.is_null() {
        return 0;
    }
    let Some(row) = STACK_ROW.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: a value of the map, this CPU's own; the helper writes no more than its length.
    unsafe {
        (*row).task = task as u64;
        (*row).switches = switches(task as u64);
        (*row).bytes = bpf_get_task_stack(
            task,
            (&raw mut (*row).functions).cast::<c_void>(),
            (STACK_DEPTH * 8) as u32,
            0,
        );
        (*row).switches_after = switches(task as u64);
        // If the buffer is full, the kernel calls again with the same task.
        bpf_seq_write(
            (*meta).seq,
            row.cast::<c_void>(),
            size_of::<StackRow>() as u32,
        );
    }
    0
}
