//! Pages that a process uses while it dumps core: the page at the address that it was last seen to
//! take, by its page tables.

use std::thread::sleep;
use std::time::Duration;

use super::view::View;
use crate::kernel::debugger::page_tables::PageTables;
use crate::kernel::layout::fields::Field;

/// Attempts to read a page table entry: while a task tries to move the page, the entry is a
/// migration entry (mm/migrate.c: try_to_migrate(), remove_migration_ptes()).
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_micros(100);

/// The page frame number of the page that a thread last took while it dumped core.
pub(super) fn taken_page(view: &View<'_>, at: usize) -> Option<u64> {
    let dump = view.events.dump(view, at)?;
    let mm = view
        .reader
        .word(view.threads.all[at].addr, Field::TaskMm)
        .ok()?;
    let tables = PageTables::of(view.reader, mm).ok()?;
    for _ in 0..TRIES {
        let taken = tables.pfn(dump.address);
        if taken.is_some() {
            return taken;
        }
        sleep(PAUSE);
    }
    None
}
