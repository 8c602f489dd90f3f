//! The only module that knows Linux: the layout of its structs, the hooks to observe it, and what
//! can fail on a given host.
//!
//! Knowledge is in tables ([`layout`], `hooks`). Facts about the host are gathered first
//! (`hooks::facts`), pure functions decide (`hooks::select`), and one loop acts
//! (`hooks::attach`). Each folder imports only from those above it in this list:
//! `subject`, `host`, `dump`, `layout`, `maps`, `hooks`, `debugger`, `slabs`, `waits`, `counted`,
//! `pins`, `session`, `doctor`. Without the feature `live` only those are built that read crash
//! dumps.
#![expect(
    unsafe_code,
    reason = "the kernel boundary: each use has its SAFETY line"
)]

#[cfg(feature = "live")]
mod counted;
#[cfg(feature = "live")]
mod debugger;
pub mod doctor;
pub mod dump;
#[cfg(feature = "live")]
pub mod hooks;
pub mod host;
pub mod layout;
#[cfg(feature = "live")]
mod maps;
#[cfg(feature = "live")]
mod pins;
#[cfg(feature = "live")]
pub mod session;
#[cfg(feature = "live")]
mod slabs;
mod subject;
#[cfg(feature = "live")]
mod waits;

pub use subject::Subject;
