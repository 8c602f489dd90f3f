//! The running kernel: our programs in it, and what is needed to read it with them.

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
    /// Loaded when it is first asked for.
    peeker: Option<Peeker>,
    /// When the symbols were last read anew, if ever.
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

    /// What reads the kernel on demand. Its programs are loaded when they are first needed.
    pub(crate) fn reader(&mut self) -> anyhow::Result<Reader<'_>> {
        let ebpf = &mut self.ebpf;
        let peeker = match &mut self.peeker {
            Some(peeker) => peeker,
            none => none.insert(Peeker::open(ebpf)?),
        };
        let memory = Memory::new(ebpf, peeker);
        Ok(Reader::new(memory, &self.resolved, &self.symbols))
    }

    /// The symbols as they were read last.
    pub(crate) fn symbols(&self) -> Arc<Symbols> {
        Arc::clone(&self.symbols)
    }

    /// Reads the symbols anew if a module is there that they do not know.
    pub(crate) fn refresh_symbols(&mut self) {
        if !self.reread.as_ref().is_none_or(Reread::is_due) {
            return;
        }
        let symbols = Arc::clone(&self.symbols);
        let Some(newest) = self.reader().ok().and_then(|reader| newest_module(&reader)) else {
            return;
        };
        // Where symbols of data are left out, it is not known either way.
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
