//! Pages that a process has in its hands while it dumps core: the one at the address that it was
//! seen to take last, by its own page tables.

use std::thread::sleep;
use std::time::Duration;

use super::View;
use crate::kernel::debugger::page_tables::PageTables;
use crate::kernel::layout::fields::Field;

/// How often to look for a page: while somebody tries to move it, its entry says that, and is no
/// page's (mm/migrate.c: try_to_migrate(), remove_migration_ptes()).
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_micros(100);

/// The page that a thread which dumps core took last, by its number.
pub(super) fn taken_page(view: &View<'_>, at: usize) -> Option<u64> {
    let dump = view.traced.dump(view, at)?;
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
