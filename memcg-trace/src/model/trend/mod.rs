//! Growth of zombies by origin: the parent or creator whose removed cgroups stay in memory in
//! growing number.
//!
//! Only walks find zombies; events add births, deaths and creators. Memcgs that were dead before
//! the first walk never count.

mod by_origin;
mod findings;
mod growth;
mod origin;

pub(super) use by_origin::Trend;
