//! The ring buffer of OOM kills, and of the memory at each.

use aya_ebpf::macros::map;
use aya_ebpf::maps::RingBuf;

#[map]
pub static OOM: RingBuf = RingBuf::with_byte_size(1 << 17, 0);
