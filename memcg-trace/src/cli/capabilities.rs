//! Capabilities that this program gives up.

use std::io;

/// Gives up what only attaching needs, for this thread and those that it starts from now on.
#[cfg(feature = "live")]
pub(super) fn give_up_attaching() -> io::Result<()> {
    crate::kernel::host::privilege::give_up_attaching()
}

/// The build without a kernel attaches nothing.
#[cfg(not(feature = "live"))]
#[expect(clippy::unnecessary_wraps, reason = "the other build can fail")]
pub(super) fn give_up_attaching() -> io::Result<()> {
    Ok(())
}
