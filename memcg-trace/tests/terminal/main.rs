//! The dashboard on a real terminal: a recording in replay, keys as a terminal sends them, and what
//! is on the screen then.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

#[path = "../fixture/mod.rs"]
mod fixture;
mod keys;
mod pty;
#[path = "../replayed/mod.rs"]
mod replayed;
mod stale;
#[expect(dead_code, reason = "only what runs the program is needed here")]
#[path = "../tool/mod.rs"]
mod tool;
