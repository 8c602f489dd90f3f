//! Reclaim: its runs by memcg, cause and limit, the tasks that wait for it, and OOM kills.

mod counters;
mod oom;
mod oom_memory;
mod pressure;
mod shmem_files;
mod stalls;
pub(crate) mod subject;
mod sums;
