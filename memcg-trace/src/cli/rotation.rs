//! Files that are full: they get a name of their own, and the oldest go.
//!
//! `records.ndjson.zst` becomes `records-20260921T141320Z.ndjson.zst`, after the time of its last
//! snapshot, by one rename: under such a name there are whole files only, and no name is used twice.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, bail};

use crate::units;

/// Bytes of a time in a name.
const TIME_BYTES: usize = "20260921T141320Z".len();
/// The most files of one second.
const MAX_OF_ONE_SECOND: u32 = 1000;

/// A time for the name of a file, such as `20260921T141320Z`.
pub(super) fn stamp(unix_ns: i64) -> String {
    let time = units::time(unix_ns);
    let (seconds, _) = time.split_once('.').unwrap_or((&time, ""));
    let digits = seconds.chars().filter(|c| !"-:".contains(*c));
    digits.chain(['Z']).collect()
}

/// Returns whether a part of a name is such a time.
pub(super) fn is_stamp(time: &[u8]) -> bool {
    let mut bytes = time.iter().enumerate();
    time.len() == TIME_BYTES
        && bytes.all(|(at, byte)| match at {
            8 => *byte == b'T',
            15 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
}

/// The old files of a stream of records.
#[derive(Debug)]
pub(super) struct OldFiles {
    /// The file that is written to.
    path: PathBuf,
    folder: PathBuf,
    /// Its name up to the first dot, and from there.
    stem: OsString,
    end: OsString,
    keep: usize,
}

impl OldFiles {
    /// # Errors
    /// If that is no name of a regular file.
    pub(super) fn of(path: &Path, keep: usize) -> anyhow::Result<Self> {
        let is_other = fs::metadata(path).is_ok_and(|file| !file.is_file());
        let Some(name) = path.file_name().filter(|_| !is_other) else {
            bail!("{}: only a file can be rotated", path.display());
        };
        let name = name.as_bytes();
        let dots = name.iter().skip(1).position(|byte| *byte == b'.');
        let (stem, end) = name.split_at(dots.map_or(name.len(), |dot| dot + 1));
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        Ok(Self {
            path: path.to_owned(),
            folder: folder.unwrap_or(Path::new(".")).to_owned(),
            stem: OsString::from_vec(stem.to_vec()),
            end: OsString::from_vec(end.to_vec()),
            keep,
        })
    }

    /// Puts a file aside that an earlier run left.
    pub(super) fn keep_what_is_there(&self) -> anyhow::Result<()> {
        let Ok(file) = fs::metadata(&self.path) else {
            return Ok(());
        };
        if file.len() == 0 {
            return Ok(());
        }
        let changed = file.modified().ok();
        let since_1970 = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let unix_ns = since_1970.and_then(|time| i64::try_from(time.as_nanos()).ok());
        self.put_aside(unix_ns.unwrap_or(0))
    }

    /// Gives the file a name of its own.
    pub(super) fn put_aside(&self, unix_ns: i64) -> anyhow::Result<()> {
        let time = stamp(unix_ns);
        let names = (1..=MAX_OF_ONE_SECOND).map(|number| self.old(&time, number));
        // A link that leads nowhere is a name, too.
        let mut free = names.filter(|name| fs::symlink_metadata(name).is_err());
        let failed = || format!("cannot give {} another name", self.path.display());
        let to = free.next().with_context(failed)?;
        fs::rename(&self.path, to).with_context(failed)
    }

    /// Removes the oldest files, but for so many.
    pub(super) fn remove_oldest(&self) -> anyhow::Result<()> {
        let failed = || format!("cannot remove old files in {}", self.folder.display());
        let mut old = Vec::new();
        for entry in fs::read_dir(&self.folder).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            if let Some(order) = self.order(&entry.file_name())
                && entry.file_type().is_ok_and(|kind| kind.is_file())
            {
                old.push((order, entry.path()));
            }
        }
        old.sort();
        let surplus = old.len().saturating_sub(self.keep);
        for (_, path) in old.iter().take(surplus) {
            fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }

    fn old(&self, time: &str, number: u32) -> PathBuf {
        let mut name = self.stem.clone();
        name.push(format!("-{time}"));
        if number > 1 {
            name.push(format!("-{number}"));
        }
        name.push(&self.end);
        self.folder.join(name)
    }

    /// Time and number of an old file, by its name; `None` for all other files.
    fn order(&self, name: &OsStr) -> Option<(String, u32)> {
        let name = name.as_bytes().strip_prefix(self.stem.as_bytes())?;
        let rest = name.strip_suffix(self.end.as_bytes())?.strip_prefix(b"-")?;
        let (time, number) = rest.split_at_checked(TIME_BYTES)?;
        let is_time = is_stamp(time);
        let number = match number {
            [] => 1,
            [b'-', number @ ..] => std::str::from_utf8(number).ok()?.parse().ok()?,
            _ => return None,
        };
        is_time.then(|| (String::from_utf8_lossy(time).into_owned(), number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_files_of_the_same_name_are_old_files() {
        let files = OldFiles::of(Path::new("/x/a.b.ndjson.zst"), 3).unwrap();
        let old = files.old("20260921T141320Z", 2);
        assert_eq!(old, Path::new("/x/a-20260921T141320Z-2.b.ndjson.zst"));
        let order = |name: &str| files.order(OsStr::new(name));
        assert_eq!(
            order("a-20260921T141320Z-2.b.ndjson.zst"),
            Some(("20260921T141320Z".to_owned(), 2))
        );
        for other in [
            "a.b.ndjson.zst",
            "a-20260921T141320Z.ndjson.zst",
            "a-20260921T141320Z.b.ndjson.zst.bak",
            "a-20260921T141320Z-.b.ndjson.zst",
            "a-20260921T14132xZ.b.ndjson.zst",
            "ab-20260921T141320Z.b.ndjson.zst",
        ] {
            assert_eq!(order(other), None, "{other}");
        }
    }

    #[test]
    fn a_name_without_dots() {
        let files = OldFiles::of(Path::new("records"), 3).unwrap();
        assert_eq!(files.old("T", 1), Path::new("./records-T"));
        let hidden = OldFiles::of(Path::new(".records"), 3).unwrap();
        assert_eq!(hidden.old("T", 1), Path::new("./.records-T"));
        assert!(OldFiles::of(Path::new("/dev/null"), 3).is_err());
    }
}
