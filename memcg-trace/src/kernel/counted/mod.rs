//! What the programs count, a module a subject: each turns what its maps have into [`crate::sample`]
//! types.

pub(crate) mod baseline;
pub(crate) mod causes;
pub(crate) mod locks;
pub(crate) mod logs;
pub(crate) mod memcgs;
pub(crate) mod reclaim;
pub(crate) mod room;
pub(crate) mod shrinkers;
pub(crate) mod slab;
pub(crate) mod spans;
