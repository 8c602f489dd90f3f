//! A crash dump as a source.

use std::path::Path;

use crate::kernel::doctor::report_of_dump;
use crate::kernel::dump::CrashDump;
use crate::sample::Text;
use crate::sample::doctor::Doctor;
use crate::sample::recording::Host;

/// A report of what a dump tells of its kernel, and the host that it is of.
///
/// # Errors
/// One line, if the file is no dump of a kernel, or is damaged.
pub fn doctor(dump: &Path) -> anyhow::Result<(Doctor, Host)> {
    let dump = CrashDump::open(dump)?;
    let host = Host {
        kernel: Text::from(dump.release()),
        ..Host::default()
    };
    Ok((report_of_dump(&dump), host))
}
