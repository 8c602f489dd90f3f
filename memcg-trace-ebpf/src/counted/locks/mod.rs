//! Sleeping locks: waits, holds and releases. There are several files since a wait or a hold in
//! progress is a note in a table (`wait_slots`, `hold_slots`), which `waits` and `holds` fill and
//! close; `waiters` reads the queue of a lock, `releases` samples stacks of those who release one.
//! `offline` and `dumps` note two long operations under a lock, which memory does not tell of.

mod dumps;
mod hold_slots;
mod holds;
mod offline;
mod releases;
mod stacks;
pub mod wait_slots;
mod waiters;
mod waits;

pub use waits::owner;
