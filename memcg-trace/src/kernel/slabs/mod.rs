//! Slab memory by owner: every slab page of the host, object by object.
//!
//! Pages are read in the order of their numbers, some at a time: first their descriptors, then the
//! owners of the objects in slabs, then the descriptors again, since a slab may have been freed
//! meanwhile. Nothing is held between two steps, so a walk can be interrupted for any time.

mod aliases;
mod cache_contents;
mod caches;
mod inherited;
mod objects;
mod owners;
mod page;
mod scan;
mod tally;
mod vectors;
mod walk;

pub(super) use walk::Walk;
