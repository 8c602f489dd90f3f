//! Programs that are never attached: user space runs them with BPF_PROG_TEST_RUN. Question and
//! answer are in an array map, since the kernel discards the return value of such a run. The output
//! of `stacks` is read from a file.

mod memcgs;
mod peek;
mod resolve;
mod stacks;
