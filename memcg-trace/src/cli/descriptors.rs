//! Room for descriptors.

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::fcntl_dupfd_cloexec;

/// The first that may be had sets the room: as many as a process may have most often, or fewer.
const HIGHEST: [i32; 3] = [1023, 511, 255];

/// Makes room for all descriptors that this program will have. When the table grows that several
/// threads have, the kernel waits for a grace period of RCU (fs/file.c: expand_fdtable()), and on a
/// sick host that may never end. So it grows while there is one thread.
pub(super) fn make_room() {
    if let Ok(any) = eventfd(0, EventfdFlags::CLOEXEC) {
        let mut highest = HIGHEST.into_iter();
        highest.find(|highest| fcntl_dupfd_cloexec(&any, *highest).is_ok());
    }
}
