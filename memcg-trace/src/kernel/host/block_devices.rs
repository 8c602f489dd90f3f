//! Names of block devices.

use std::path::Path;

use crate::sample::Text;

/// The name of the device `major:minor`, such as `/dev/sda1`, by sysfs; `None` if there is no such
/// block device, as for file systems without a disk.
pub(crate) fn name(device: &str) -> Option<Text> {
    use std::os::unix::ffi::OsStrExt as _;
    let link = std::fs::read_link(Path::new("/sys/dev/block").join(device)).ok()?;
    let name = link.file_name()?.as_bytes();
    // The kernel writes `!` where a name has a slash.
    let name: Vec<u8> = { name.iter() }
        .map(|byte| if *byte == b'!' { b'/' } else { *byte })
        .collect();
    Some(Text::from([b"/dev/", &*name].concat()))
}
