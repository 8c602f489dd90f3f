//! Why a removal is slow, a task is stuck or a cgroup is dying: one timeline of what is known, and
//! of what is not.

mod answer;
mod chain;
mod find;
mod follow;
mod limits;
mod pinned;
mod removal;
mod rmdir;
mod seen;
mod task;
mod work_item;

pub use answer::{State, Step, What, When, Why};
pub use find::{NotFound, Subject, Target, Wanted};
pub use follow::follow;
pub use removal::{needs_pins, needs_uses, of_memcg};
pub use seen::Seen;
pub use task::of_task;
