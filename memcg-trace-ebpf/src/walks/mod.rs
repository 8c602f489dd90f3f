//! Programs that are never attached: user space runs them with BPF_PROG_TEST_RUN. Question and
//! answer are in an array map; the kernel throws the return value of such a run away. What
//! `stacks` writes, user space reads from a file.

mod memcgs;
mod peek;
mod resolve;
mod stacks;
