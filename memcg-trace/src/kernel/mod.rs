//! The only module that knows Linux: the layout of its structs, the hooks to observe it, and what
//! can fail on a given host.
//!
//! Knowledge is in tables ([`layout`], [`hooks`]). Facts about the host are gathered first
//! ([`hooks::facts`]), pure functions decide ([`hooks::select`]), and one loop acts
//! ([`hooks::attach`]). Each folder imports only from those above it in this list:
//! `subject`, `host`, `layout`, `maps`, `hooks`, `debugger`, `slabs`, `waits`, `counted`, `pins`,
//! `session`, `doctor`.
#![expect(
    unsafe_code,
    reason = "the kernel boundary: each use has its SAFETY line"
)]

mod counted;
mod debugger;
pub mod doctor;
pub mod hooks;
pub mod host;
pub mod layout;
mod maps;
mod pins;
pub mod session;
mod slabs;
mod subject;
mod waits;

pub use subject::Subject;
