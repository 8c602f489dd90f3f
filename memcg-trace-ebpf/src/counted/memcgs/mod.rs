//! Memory cgroups: events of their lives, and what dead ones cost. The identity of a memcg is apart,
//! since all other subjects and walks need it, too.

mod identity;
mod life;
mod zombie_cost;

pub use identity::{kernfs_node, read_name, serial_nr_of_task};
