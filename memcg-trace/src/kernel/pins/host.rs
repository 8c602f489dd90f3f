//! Facts about the whole host that the searches share.

use super::namespaces::Namespaces;
use crate::kernel::debugger::open_files::Open;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::tasks::{Tasks, Thread};

/// All tasks, and what they have open.
pub(super) struct Host<'a, 'm> {
    pub(super) reader: &'a Reader<'m>,
    pub(super) tasks: &'a Tasks,
    pub(super) threads: &'a [Thread],
    pub(super) open: &'a Open,
    pub(super) namespaces: &'a Namespaces,
}
