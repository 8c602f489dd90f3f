//! Samples without the names of a host, for those who show a report to strangers: names of the
//! host, of cgroups, tasks and files, network addresses and addresses of the kernel become numbered
//! words, the same word each time. Names that the kernel itself chose stay.
//!
//! Only the parts of a sample that a report shows are kept: what is new in a sample is left out
//! until somebody says here what of it is a name.

mod cmdline;
mod counted;
mod kernel_names;
mod pins;
mod samples;
mod texts;
mod waits;
mod words;

pub use words::Redactor;

#[cfg(test)]
mod tests;
