//! Slab objects by owner and cache. `hooks` has the programs. There are several files since these
//! are the hottest hooks, and each step has a way of its own to be cheap: `owner` reads whose an
//! object is, `count` finds the row to count in, `known` spares a free both, and `chain` gets
//! through frees of many objects at once. `callers` has programs of its own, for one question.

mod callers;
mod chain;
mod count;
mod hooks;
mod known;
mod owner;
