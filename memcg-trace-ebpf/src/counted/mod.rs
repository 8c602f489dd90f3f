//! Programs that count events. Each subject has a folder, as in user space
//! (memcg-trace/src/kernel/counted).

mod locks;
mod memcgs;
mod reclaim;
mod shrinkers;
mod slab;

pub use locks::{owner, wait_slots};
pub use memcgs::{counter, counters, kernfs_node, read_name, serial_nr_of_task};
