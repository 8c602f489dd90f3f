//! Stacks of tasks in the kernel, as the iterator over tasks writes them.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Functions of one stack, the innermost first.
pub const STACK_DEPTH: usize = 48;

/// The stack of one task.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct StackRow {
    /// Address of its `task_struct`.
    pub task: u64,
    /// Its context switches (`nvcsw + nivcsw`) before its stack was read.
    pub switches: u64,
    /// Its context switches after its stack was read: another number means that the task ran
    /// meanwhile.
    pub switches_after: u64,
    /// Bytes of `functions` that are used; negative where the stack cannot be read.
    pub bytes: i64,
    /// Return addresses.
    pub functions: [u64; STACK_DEPTH],
}
