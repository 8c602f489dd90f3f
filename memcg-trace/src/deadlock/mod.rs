//! Deadlock detection: from the waits of [`crate::sample::waits`] to verdicts.
//!
//! The waits make a graph in which a task needs all resources that it waits for, and a resource all
//! of its holders or any one of them ([`table`]). Nodes that can make progress are removed until
//! nothing changes. The nodes that are left never make progress ([`graph`]), and their cycles are
//! deadlocks. That is a proof if the graph contains no guess and two looks saw the same facts. The
//! same is done once more with guesses; a cycle that only this finds is suspected. A long wait that
//! is neither stuck nor shown to end, since it leads to a holder that is not known, is undecided
//! ([`OpenEnd`]).
//!
//! Pure: no clock, no kernel, no I/O.

mod build;
mod case;
mod chain;
mod convoys;
mod cycles;
mod evidence;
pub mod graph;
mod judge;
mod ready;
mod report;
mod rules;
mod stable;
pub mod table;
mod undecided;
mod verdict;
pub mod words;

pub use chain::{Chain, Link, Start, chain};
pub use judge::judge;
pub use rules::Rules;
pub use verdict::{Break, Cause, Convoy, Deadlock, Edge, OpenEnd, Signal, State, Verdict};
