//! Memory cgroups: events of their lives, and what dead ones cost. The identity of a memcg is apart,
//! since all other subjects and walks need it, too.

mod counters;
mod identity;
mod life;
mod zombie_cost;

pub use counters::{counter, counters};
pub use identity::{kernfs_node, memcg_of_task, read_name, serial_nr_of_task};
