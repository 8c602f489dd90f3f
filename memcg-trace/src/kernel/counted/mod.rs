//! Readers of what the programs count, a folder a subject: each turns the contents of its maps into
//! [`crate::sample`] types.

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
pub(crate) mod subject;
mod subjects;

pub(crate) use subjects::Subjects;
