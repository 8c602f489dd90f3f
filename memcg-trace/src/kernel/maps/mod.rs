//! BPF maps as user space sees them.

pub(crate) mod dump;
pub(crate) mod histogram;
pub(crate) mod mapped;
mod take;
pub(crate) mod value;

pub(crate) use take::take_map;
