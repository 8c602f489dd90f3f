//! The folder of incidents: names of recordings, room for new ones, and what killed programs left.
//!
//! `incident-20260921T141320Z-oom.rec` is whole. With `.part` at its end it is being written, or its
//! program was killed; such a file becomes `incident-20260921T141320Z-oom-cut.rec`.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::fs::OFlags;

use crate::cli::rotation::{is_stamp, stamp};
use crate::sample::incident::Cause;

/// The most files of a folder that are looked at.
pub(in crate::cli) const MAX_FILES: usize = 100_000;
/// The most incidents of one second.
const MAX_OF_ONE_SECOND: u32 = 1000;

const START: &str = "incident-";
const END: &str = ".rec";
const CUT: &str = "-cut";
/// While a recording has the moment, and is not complete.
const PART: &str = ".part";
/// While the time before the moment is written.
const PAST: &str = ".past";

/// The recording of an incident, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) struct Entry {
    /// Time and number within that second: the order of incidents.
    order: (String, u32),
    pub(in crate::cli) path: PathBuf,
    pub(in crate::cli) bytes: u64,
    /// Its name says that its end is missing.
    pub(in crate::cli) is_cut: bool,
    /// Its name says that it is not complete yet.
    pub(in crate::cli) is_part: bool,
}

/// The recordings of a folder, and its other files.
#[derive(Debug, Default)]
pub(in crate::cli) struct Content {
    /// Recordings of incidents, the oldest first.
    pub(in crate::cli) entries: Vec<Entry>,
    /// Files that killed programs left beside these.
    scraps: Vec<PathBuf>,
    /// Files of other names, and what is no file.
    pub(in crate::cli) others: u64,
    /// The folder has more files than are looked at.
    pub(in crate::cli) is_truncated: bool,
}

#[derive(Clone, Debug)]
pub(in crate::cli) struct Folder {
    pub(in crate::cli) path: PathBuf,
}

impl Folder {
    /// The folder; made if it is not there.
    pub(super) fn make(path: &Path) -> anyhow::Result<Self> {
        let mut made = DirBuilder::new();
        made.recursive(true).mode(0o700);
        made.create(path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    pub(in crate::cli) fn content(&self) -> io::Result<Content> {
        let mut content = Content::default();
        for (at, entry) in fs::read_dir(&self.path)?.enumerate() {
            let entry = entry?;
            if at >= MAX_FILES {
                content.is_truncated = true;
                break;
            }
            // Of the entry itself, not of what a link leads to.
            let file = entry.metadata().ok().filter(fs::Metadata::is_file);
            let named = file.and_then(|file| Some((parse(&entry.file_name())?, file.len())));
            match named {
                Some((name, _)) if name.end == PAST => content.scraps.push(entry.path()),
                Some((name, bytes)) => content.entries.push(Entry {
                    order: name.order,
                    path: entry.path(),
                    bytes,
                    is_cut: name.is_cut,
                    is_part: name.end == PART,
                }),
                None => content.others += 1,
            }
        }
        content.entries.sort();
        Ok(content)
    }

    /// Gives what killed programs left the names of recordings that are cut off. Returns their
    /// number.
    pub(super) fn tidy(&self) -> io::Result<u64> {
        let content = self.content()?;
        let mut tidied = 0;
        for entry in content.entries.iter().filter(|entry| entry.is_part) {
            let is_used = read(&entry.path).is_ok_and(|file| is_locked(&file));
            let cut = entry.path.to_string_lossy().strip_suffix(PART).map(as_cut);
            if let (false, Some(cut)) = (is_used, cut) {
                // A name that is taken is that of another incident.
                if fs::symlink_metadata(&cut).is_err() {
                    fs::rename(&entry.path, cut)?;
                    tidied += 1;
                }
            }
        }
        // Beside each of these is one with a part of the same time that has the moment.
        for scrap in &content.scraps {
            if !read(scrap).is_ok_and(|file| is_locked(&file)) {
                fs::remove_file(scrap)?;
            }
        }
        Ok(tidied)
    }

    /// A new name, without its end.
    pub(super) fn stem(&self, unix_ns: i64, cause: Cause) -> io::Result<PathBuf> {
        let (time, cause) = (stamp(unix_ns), cause.as_str());
        let stems = (1..=MAX_OF_ONE_SECOND).map(|number| match number {
            1 => format!("{START}{time}-{cause}"),
            number => format!("{START}{time}-{number}-{cause}"),
        });
        let mut free = stems.map(|stem| self.path.join(stem)).filter(|stem| {
            let ends = [
                END.to_owned(),
                format!("{END}{PART}"),
                format!("{CUT}{END}"),
            ];
            let mut ends = ends.iter();
            ends.all(|end| fs::symlink_metadata(with_end(stem, end)).is_err())
        });
        free.next()
            .ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// Removes the oldest recordings, until fewer than `max` are left and `needed` bytes more are
    /// within `max_bytes`. Returns how many it removed, and the bytes of the others.
    pub(super) fn make_room(
        &self,
        (max, max_bytes): (usize, u64),
        needed: u64,
    ) -> io::Result<(u64, u64)> {
        let mut entries = self.content()?.entries;
        let bytes = |entries: &[Entry]| -> u64 { entries.iter().map(|entry| entry.bytes).sum() };
        let mut removed = 0;
        while entries.len() >= max || bytes(&entries).saturating_add(needed) > max_bytes {
            // What is being written stays.
            let Some(oldest) = entries.iter().position(|entry| !entry.is_part) else {
                break;
            };
            fs::remove_file(&entries.remove(oldest).path)?;
            removed += 1;
        }
        Ok((removed, bytes(&entries)))
    }

    /// Removes the oldest recording; returns whether there was one.
    pub(super) fn remove_oldest(&self) -> io::Result<bool> {
        let entries = self.content()?.entries;
        let oldest = entries.iter().find(|entry| !entry.is_part);
        oldest.map_or(Ok(false), |oldest| {
            fs::remove_file(&oldest.path).map(|()| true)
        })
    }
}

/// A file of this program's own, which others may only read.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    // Where a file system has no locks, others take it for one whose writer was killed.
    let _ = file.try_lock();
    Ok(file)
}

/// Opens a file of which nothing is known: it may be a link, or a pipe that nobody writes to.
pub(in crate::cli) fn read(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no file")),
    }
}

/// Returns whether some program writes the file.
pub(in crate::cli) fn is_locked(file: &File) -> bool {
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// While it is written.
pub(super) fn as_part(stem: &Path) -> PathBuf {
    with_end(stem, &format!("{END}{PART}"))
}

/// While the time before the moment is written.
pub(super) fn as_past(stem: &Path) -> PathBuf {
    with_end(stem, &format!("{END}{PAST}"))
}

/// The name of a recording that is complete, or to which no more will come.
pub(super) fn as_done(stem: &Path, is_whole: bool) -> PathBuf {
    match is_whole {
        true => with_end(stem, END),
        false => with_end(stem, &format!("{CUT}{END}")),
    }
}

fn with_end(stem: &Path, end: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(end);
    path.into()
}

fn as_cut(name: &str) -> PathBuf {
    let stem = name.strip_suffix(END).unwrap_or(name);
    as_done(Path::new(stem), false)
}

struct Name {
    order: (String, u32),
    is_cut: bool,
    end: &'static str,
}

fn parse(name: &OsStr) -> Option<Name> {
    let rest = name.to_str()?.strip_prefix(START)?;
    let ends = [PART, PAST].into_iter();
    let mut found = ends.filter_map(|end| Some((rest.strip_suffix(end)?, end)));
    let (rest, end) = found.next_back().unwrap_or((rest, ""));
    let rest = rest.strip_suffix(END)?;
    let uncut = rest.strip_suffix(CUT);
    let (time, rest) = uncut.unwrap_or(rest).split_once('-')?;
    let (number, cause) = match rest.split_once('-') {
        Some((number, cause)) => (number.parse().ok()?, cause),
        None => (1, rest),
    };
    let causes = [Cause::Oom, Cause::Deadlock, Cause::Finding, Cause::Other];
    let is_known = causes.iter().any(|one| one.as_str() == cause);
    (is_known && is_stamp(time.as_bytes())).then(|| Name {
        order: (time.to_owned(), number),
        is_cut: uncut.is_some(),
        end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_incidents_are_incidents() {
        let parsed = |name: &str| parse(OsStr::new(name)).map(|name| (name.order, name.is_cut));
        let time = || "20260921T141320Z".to_owned();
        let names = [
            ("incident-20260921T141320Z-oom.rec", 1, false),
            ("incident-20260921T141320Z-oom.rec.part", 1, false),
            ("incident-20260921T141320Z-2-deadlock-cut.rec", 2, true),
            ("incident-20260921T141320Z-finding.rec.past", 1, false),
        ];
        for (name, number, is_cut) in names {
            assert_eq!(parsed(name), Some(((time(), number), is_cut)), "{name}");
        }
        for other in [
            "incident-20260921T141320Z-oom",
            "incident-20260921T141320Z-war.rec",
            "incident-2026-oom.rec",
            "incident-20260921T141320Z-x-oom.rec",
            "incident-20260921T141320Z-oom.rec.part.past.bak",
            "incident-.rec",
            "my-incident-20260921T141320Z-oom.rec",
        ] {
            assert_eq!(parsed(other), None, "{other}");
        }
    }
}
