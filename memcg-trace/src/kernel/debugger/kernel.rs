//! The running kernel: our programs in it, and their layout and symbols.

use std::sync::Arc;

use aya::Ebpf;

use super::memory::{Memory, Peeker};
use super::modules::{Reread, newest_module};
use super::reader::Reader;
use crate::kernel::host::symbols::Symbols;
use crate::kernel::layout::Resolved;

/// The programs, the layout and the symbols.
pub(crate) struct Kernel {
    pub(crate) ebpf: Ebpf,
    pub(crate) resolved: Resolved,
    symbols: Arc<Symbols>,
    /// Loaded on first use.
    peeker: Option<Peeker>,
    /// The last re-reading of the symbols, if any.
    reread: Option<Reread>,
}

impl Kernel {
    pub(crate) fn new(ebpf: Ebpf, resolved: Resolved, symbols: Arc<Symbols>) -> Self {
        Self {
            ebpf,
            resolved,
            symbols,
            peeker: None,
            reread: None,
        }
    }

    /// A reader of the kernel. Its programs are loaded on first use.
    pub(crate) fn reader(&mut self) -> anyhow::Result<Reader<'_>> {
        let ebpf = &mut self.ebpf;
        let peeker = match &mut self.peeker {
            Some(peeker) => peeker,
            none => none.insert(Peeker::open(ebpf)?),
        };
        let memory = Memory::new(ebpf, peeker);
        Ok(Reader::new(memory, &self.resolved, &self.symbols))
    }

    /// The symbols of the last reading.
    pub(crate) fn symbols(&self) -> Arc<Symbols> {
        Arc::clone(&self.symbols)
    }

    /// Reads the symbols again if a module was loaded after the last reading.
    pub(crate) fn refresh_symbols(&mut self) {
        if !self.reread.as_ref().is_none_or(Reread::is_due) {
            return;
        }
        let symbols = Arc::clone(&self.symbols);
        let Some(newest) = self.reader().ok().and_then(|reader| newest_module(&reader)) else {
            return;
        };
        // Without symbols of data, has_module() never finds the module: one reading for it is
        // enough.
        let was_read = self
            .reread
            .as_ref()
            .is_some_and(|last| last.newest == newest);
        if was_read || symbols.has_module(newest) {
            return;
        }
        match symbols.again() {
            Ok(symbols) => self.symbols = Arc::new(symbols),
            Err(error) => log::info!("read /proc/kallsyms: {error}"),
        }
        self.reread = Some(Reread::now(newest));
    }
}
