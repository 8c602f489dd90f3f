//! What a verb needs beside the compiler and the linker of the eBPF side.

use super::tools::{OF_GUESTS, OF_MODULES, Tool};
use crate::kernel::Series;

#[derive(Default)]
pub struct Needs {
    pub tools: Vec<&'static Tool>,
    pub kernels: Vec<&'static Series>,
    /// Kernels to build modules for.
    pub headers: Vec<&'static Series>,
}

impl Needs {
    /// The needs of a guest, with a kernel of ours or one that the user names.
    pub fn guest(series: Option<&'static Series>) -> Self {
        Self {
            tools: OF_GUESTS.iter().collect(),
            kernels: series.into_iter().collect(),
            headers: Vec::new(),
        }
    }

    /// The needs of tests on these kernels.
    pub fn tests(kernels: &[&'static Series]) -> Self {
        let headers = kernels.iter().copied().filter(|one| one.has_modules);
        Self {
            tools: OF_GUESTS.iter().chain(OF_MODULES).collect(),
            kernels: kernels.to_vec(),
            headers: headers.collect(),
        }
    }
}

/// A kernel whose headers are not available: its tests run without modules.
pub type NoHeaders = (&'static Series, anyhow::Error);
