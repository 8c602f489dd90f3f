//! Waits for locks, and who kept others waiting.

mod details;
mod holds;
mod queues;
mod rows;
pub(crate) mod subject;
mod wait_slots;
mod waits;
