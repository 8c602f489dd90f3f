//! Small files and folders, read within bounds.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};
use serde::de::DeserializeOwned;

/// The most entries of a folder that are looked at.
const MAX_ENTRIES: usize = 10_000;

/// Reads a regular file. Something else that stands at its place is an error: to open a FIFO would
/// wait for its writer.
///
/// # Errors
/// If it cannot be read, or is longer than `limit`.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let flags =
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(io::Error::other(format!("longer than {limit} bytes"))),
        false => Ok(bytes),
    }
}

/// Reads a file of JSON.
///
/// # Errors
/// If it cannot be read, or is no such JSON.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path, limit: u64) -> io::Result<T> {
    let bytes = read(path, limit)?;
    // The message of serde may hold parts of the file.
    serde_json::from_slice(&bytes).map_err(|_| io::Error::other("not the JSON that it should be"))
}

/// Names in a folder, and whether these are all.
pub(super) struct Entries {
    pub(super) names: Vec<Vec<u8>>,
    pub(super) is_whole: bool,
}

/// Lists a folder.
///
/// # Errors
/// If it cannot be read.
pub(super) fn list(folder: &Path) -> io::Result<Entries> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        if names.len() == MAX_ENTRIES {
            return Ok(Entries {
                names,
                is_whole: false,
            });
        }
        names.push(entry?.file_name().into_vec());
    }
    Ok(Entries {
        names,
        is_whole: true,
    })
}
