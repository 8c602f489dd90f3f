//! Kernel memory on demand: what user space asks for and what it gets, in one map value that
//! both sides see.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Addresses that one run takes or finds.
pub const PEEK_ADDRESSES: usize = 512;
/// Bytes at one of them.
pub const PEEK_EACH_BYTES: usize = 128;
/// Bytes that one run reads.
pub const PEEK_BYTES: usize = PEEK_ADDRESSES * PEEK_EACH_BYTES;
/// Bytes behind them that are never used: the verifier of 5.10 believes in powers of two only.
const SLACK_BYTES: usize = PEEK_EACH_BYTES;

/// One question and its answer.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Peek {
    /// Range: where it begins. Chain: the node to go on with; 0 or `end` where it ended.
    pub address: u64,
    /// Chain: the address that ends it, besides 0.
    pub end: u64,
    /// Range and each: how many bytes. Chain: where in a node the next one's address is.
    pub bytes: u32,
    /// Each: how many addresses. Chain: how many nodes were found.
    pub count: u32,
    /// Each: how many were read.
    pub done: u32,
    /// Reads that failed. Each: their addresses are set to 0.
    pub faults: u32,
    /// The addresses.
    pub addresses: [u64; PEEK_ADDRESSES],
    /// What was read; each: [`PEEK_EACH_BYTES`] apart.
    pub data: [u8; PEEK_BYTES + SLACK_BYTES],
}
