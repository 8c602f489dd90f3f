//! Reclaim: waiting tasks, the cause, and the memcgs that lose pages. There are several files since
//! all hooks in one reclaim share the row of its task (`reclaimer`) and add to the same rows
//! (`sums`): `runs` and visits, `pages`, and sleeps over memory.high (`throttle`). `oom` is what
//! follows when reclaim fails, and `oom_memory` what the memory was then: `oom_ring` takes both.

mod oom;
mod oom_memory;
mod oom_ring;
mod pages;
mod reclaimer;
mod runs;
mod sums;
mod throttle;

pub use reclaimer::begun_by;
