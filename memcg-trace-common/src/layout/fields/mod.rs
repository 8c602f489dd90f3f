//! The table of the kernel's fields.
//!
//! A row of it is
//!
//! ```text
//! mutex_owner, MutexOwner, 8, ["mutex.owner"], [Lock];
//! ```
//!
//! - the name in programs, in [`Layout`](super::Layout); `-` if they do not read it;
//! - the name in user space, in its `Field`; `-` if it does not read it;
//! - the bytes that it must have; 0 where its size says how many there are of something, or where
//!   only its place, or that it is there, matters;
//! - the paths that the field has had in BTF, newest first;
//! - the subjects that cannot do without it; none where its absence means something, or costs one
//!   answer only.
//!
//! All that is made of the table is made by macros that get every row: [`Layout`](super::Layout)
//! here, `Field` and its resolution in `memcg-trace/src/kernel/layout/fields.rs`. Each file adds
//! its rows and passes them to the next, so that they arrive as one list.

mod actors;
mod cgroups;
mod files;
mod pages;
mod sockets;
mod tasks;
mod waits;

/// Passes all rows to the macro `$to`, which must be in scope.
#[macro_export]
macro_rules! kernel_fields {
    ($to:ident) => {
        $crate::fields_of_cgroups! { $to }
    };
}
