//! What changed from frame to frame, instead of whole frames.
//!
//! [`Changes`] takes the records of whole frames, as `Ndjson` writes them, and writes for each
//! frame a record `base`, which names the frame that it changes, then `removed` records, `changed`
//! ones, records that the base does not have, and the frame's last record. [`Frames`] makes whole
//! frames of these, which equal the first ones byte for byte, or says which it cannot make.
//!
//! Records of one thing are told by their `identity`, and of their figures only those are written
//! that are not as `expected`.

mod difference;
mod expected;
mod frame;
mod identity;
mod line;
mod rebuild;
mod whole;
mod writer;

pub use line::Raw;
pub use whole::{Frames, Lost, Rebuilt};
pub use writer::Changes;
