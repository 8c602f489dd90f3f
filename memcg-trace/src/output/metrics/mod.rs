//! Snapshots as metrics of OpenMetrics and of Prometheus: figures of the host, of the largest rows
//! of each kind, and of this program itself.
//!
//! Figures of rows come from the one description that each has in `records/`: its key makes the
//! name, and its meaning the help. No series has a process, a task's name or a kernel address for a
//! label: those come and go, and each would be a series of its own.

mod encode;
mod family;
mod figure;
mod host;
mod own;
mod rows;
mod sections;
mod snapshot;

pub use encode::{Format, encode};
pub use family::{Families, Family};
pub use own::{Incidents, Own, own};
pub use rows::Limits;
pub use snapshot::of;
