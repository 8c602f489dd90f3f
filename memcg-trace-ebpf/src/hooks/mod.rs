//! Kinds of hooks with a way of their own: tracepoints by kprobe, and empty programs to measure the
//! cost of a hook.

mod empty;
pub mod traceiter;
