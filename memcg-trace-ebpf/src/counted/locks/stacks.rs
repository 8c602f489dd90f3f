//! Stacks of tasks that take and release locks, by number.

use aya_ebpf::macros::map;
use aya_ebpf::maps::StackTrace;
use memcg_trace_common::hold;

/// Frames to leave out of a stack at the entry of a function: its own.
pub const ENTRY: u64 = 1;

/// All stacks. Each has as many frames as aya allows, and fewer where the kernel keeps fewer: see
/// memcg-trace/src/kernel/hooks/attach.rs.
#[map]
pub static LOCK_STACKS: StackTrace = StackTrace::with_max_entries(hold::LOCK_STACKS, 0);
