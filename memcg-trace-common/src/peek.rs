//! Kernel memory on demand: a question and its answer, in one map value that programs and user
//! space share.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Addresses that one run reads or finds.
pub const PEEK_ADDRESSES: usize = 512;
/// Bytes that are read at each of them.
pub const PEEK_EACH_BYTES: usize = 128;
/// Bytes that one run reads.
pub const PEEK_BYTES: usize = PEEK_ADDRESSES * PEEK_EACH_BYTES;
/// Unused bytes behind the data: the verifier of 5.10 bounds by powers of two only.
const SLACK_BYTES: usize = PEEK_EACH_BYTES;

/// One question and its answer.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Peek {
    /// Range: its start. Chain: the node to continue with; 0 or `end` where the chain ended.
    pub address: u64,
    /// Chain: the address that ends it, besides 0.
    pub end: u64,
    /// Range and each: number of bytes. Chain: offset in a node of the next node's address.
    pub bytes: u32,
    /// Each: number of addresses. Chain: number of nodes found.
    pub count: u32,
    /// Each: number of addresses read.
    pub done: u32,
    /// Reads that failed. Each: their addresses are set to 0.
    pub faults: u32,
    /// The addresses.
    pub addresses: [u64; PEEK_ADDRESSES],
    /// The bytes read; each: [`PEEK_EACH_BYTES`] apart.
    pub data: [u8; PEEK_BYTES + SLACK_BYTES],
}
