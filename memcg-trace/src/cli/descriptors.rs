//! The size of the table of file descriptors.

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::fcntl_dupfd_cloexec;

/// Descriptors to try: the default limit of a process less one, or lower ones.
const HIGHEST: [i32; 3] = [1023, 511, 255];

/// Grows the table for all descriptors that this program will need. If a table shared by threads
/// grows, the kernel waits for a grace period of RCU (fs/file.c: expand_fdtable()), which may never
/// end on a sick host. So the table grows while there is only one thread.
pub(super) fn make_room() {
    if let Ok(any) = eventfd(0, EventfdFlags::CLOEXEC) {
        let mut highest = HIGHEST.into_iter();
        highest.find(|highest| fcntl_dupfd_cloexec(&any, *highest).is_ok());
    }
}
