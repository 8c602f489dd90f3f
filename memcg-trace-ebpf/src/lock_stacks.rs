//! Stacks of those who take locks and let go of them, by number.

use aya_ebpf::macros::map;
use aya_ebpf::maps::StackTrace;

/// Of a stack at the entry of a function, the frames to leave out: its own.
pub const ENTRY: u64 = 1;

/// All of them.
#[map]
pub static LOCK_STACKS: StackTrace = StackTrace::with_max_entries(1024, 0);
