//! Advice for freeing a zombie, derived from its pins. The program does none of it.
//!
//! Each object has ways to be freed ([`objects`]), each a list of steps; its holders must release
//! it first ([`holders`]). [`never`] rules out what is too dangerous, however much it would free.
//! The advice for an object without a way is the reason.

mod advise;
mod backing;
mod case;
mod holders;
mod never;
mod objects;
mod plan;
mod reclaim;
mod rows;
mod swapped;
mod writeback;

pub(super) use advise::advise;
