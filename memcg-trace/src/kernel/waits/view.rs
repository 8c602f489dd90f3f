//! The inputs that all parts of a look share.

use std::cell::{OnceCell, RefCell};

use super::events::Events;
use super::stacks::{self, Stacks};
use super::threads::Threads;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::visible_paths::{VisiblePath, VisiblePaths};
use crate::kernel::host::symbols::Symbols;
use crate::sample::Text;

/// The inputs of a look.
pub(super) struct View<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) symbols: &'a Symbols,
    pub(super) threads: &'a Threads,
    pub(super) unwound: &'a Stacks,
    pub(super) events: &'a Events,
    /// Start of the look, CLOCK_MONOTONIC.
    pub(super) begin_ns: u64,
    /// Paths of files, read once a task waits for a file.
    paths: OnceCell<RefCell<VisiblePaths>>,
}

impl<'a> View<'a> {
    pub(super) fn new(
        reader: &'a Reader<'a>,
        symbols: &'a Symbols,
        threads: &'a Threads,
        unwound: &'a Stacks,
        events: &'a Events,
        begin_ns: u64,
    ) -> Self {
        Self {
            reader,
            symbols,
            threads,
            unwound,
            events,
            begin_ns,
            paths: OnceCell::new(),
        }
    }

    /// The path of a file, as this process sees it.
    pub(super) fn path_of(&self, inode: u64, superblock: u64) -> Option<Text> {
        let tasks = || self.threads.all.iter().map(|thread| thread.addr);
        let read = || RefCell::new(VisiblePaths::read(self.reader, tasks()));
        let mut paths = self.paths.get_or_init(read).borrow_mut();
        let path = paths.of_inode(self.reader, inode, superblock);
        path.map(VisiblePath::path_here)
    }

    /// The functions that a thread is in, the innermost first; none while it is on a CPU.
    pub(super) fn functions(&self, at: usize) -> Vec<&str> {
        stacks::functions(self.symbols, self.unwound.of(&self.threads.all[at]))
    }

    /// The name of a kernel variable. Allocated memory has none.
    pub(super) fn name_of(&self, address: u64) -> Option<String> {
        /// The kernel's own text and data, and its modules, lie from here on (x86-64,
        /// Documentation/arch/x86/x86_64/mm.rst).
        const SYMBOLS_BEGIN: u64 = 0xffff_ffff_8000_0000;
        (address >= SYMBOLS_BEGIN).then(|| self.symbols.variable_at(address))?
    }
}
