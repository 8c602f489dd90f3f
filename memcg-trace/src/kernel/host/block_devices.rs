//! Names of block devices, and which are made of others.

use std::fs::{self, DirEntry};
use std::path::Path;

use crate::sample::Text;

/// Bound on the entries of one folder.
const MAX_ENTRIES: usize = 1024;

/// The name of the device `major:minor`, such as `/dev/sda1`, by sysfs; `None` if there is no such
/// block device, as for file systems without a disk.
pub(crate) fn name(device: &str) -> Option<Text> {
    use std::os::unix::ffi::OsStrExt as _;
    let link = fs::read_link(Path::new("/sys/dev/block").join(device)).ok()?;
    let name = link.file_name()?.as_bytes();
    // The kernel writes `!` where a name has a slash.
    let name: Vec<u8> = { name.iter() }
        .map(|byte| if *byte == b'!' { b'/' } else { *byte })
        .collect();
    Some(Text::from([b"/dev/", &*name].concat()))
}

/// The disks that are made of a disk or of its partitions (device-mapper, md), by sysfs.
pub(crate) fn made_of(disk: &str) -> Vec<String> {
    let disk = Path::new("/sys/block").join(disk);
    let parts = entries(&disk).map(|entry| entry.path());
    let parts = parts.filter(|path| path.join("partition").exists());
    let all = std::iter::once(disk.clone()).chain(parts);
    let holders = all.flat_map(|one| entries(&one.join("holders")));
    let names = holders.filter_map(|entry| entry.file_name().into_string().ok());
    names.collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.flatten().take(MAX_ENTRIES)
}

/// The path of a disk. Those of device-mapper have the name that their user chose.
pub(crate) fn path_of_disk(disk: &str) -> Text {
    match fs::read(Path::new("/sys/block").join(disk).join("dm/name")) {
        Ok(name) => Text::from([b"/dev/mapper/", name.trim_ascii_end()].concat()),
        Err(_) => Text::from(format!("/dev/{disk}").as_str()),
    }
}
