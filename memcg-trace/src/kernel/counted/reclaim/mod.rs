//! Reclaim: its runs by memcg, cause and limit, the tasks that wait for it, and OOM kills.

mod counters;
mod oom;
mod pressure;
mod stalls;
pub(crate) mod subject;
mod sums;
