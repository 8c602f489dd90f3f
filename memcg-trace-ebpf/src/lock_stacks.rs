//! Stacks of those who take locks and let go of them, by number.

use aya_ebpf::macros::map;
use aya_ebpf::maps::StackTrace;
use memcg_trace_common::hold;

/// Of a stack at the entry of a function, the frames to leave out: its own.
pub const ENTRY: u64 = 1;

/// All of them. Each has as much room as aya gives it, and less where the kernel keeps less: see
/// memcg-trace/src/kernel/hooks/attach.rs.
#[map]
pub static LOCK_STACKS: StackTrace = StackTrace::with_max_entries(hold::LOCK_STACKS, 0);
