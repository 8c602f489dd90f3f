//! BPF maps as user space sees them.

pub(crate) mod dump;
pub(crate) mod histogram;
pub(crate) mod mapped;
pub(crate) mod value;
