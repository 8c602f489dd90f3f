//! What a reader of one kind of state files finds.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::files;
use crate::sample::Text;
use crate::sample::state_files::{NamedContainer, NamedPod};

/// The most bytes of the description of a container.
const MAX_BYTES: u64 = 1 << 20;
/// The most bytes of a name; longer ones are no names (those of Kubernetes have 253).
const MAX_NAME: usize = 255;

/// A line of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    Container(NamedContainer),
    Pod(NamedPod),
    /// Something could not be read.
    NotRead(String),
    /// This kind of state files has been read.
    Done(String),
}

/// Hands over what is found.
pub(super) struct Finder<'a> {
    pub(super) root: &'a Path,
    /// The kind of state files.
    pub(super) kind: &'static str,
    pub(super) tell: &'a dyn Fn(Found),
}

impl Finder<'_> {
    /// The path of something below the root.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Lists a folder, which may not be there; calls `each` with every name and path in it.
    pub(super) fn each(&self, folder: &Path, each: impl Fn(&[u8], &Path)) {
        let Some(entries) = self.unless_gone(folder, files::list(folder)) else {
            return;
        };
        if !entries.is_whole {
            self.not_read(
                folder,
                &format!("only the first {} looked at", entries.names.len()),
            );
        }
        for name in &entries.names {
            each(name, &folder.join(OsStr::from_bytes(name)));
        }
    }

    /// Reads a file of JSON, which may not be there.
    pub(super) fn json<T: DeserializeOwned>(&self, file: &Path) -> Option<T> {
        self.json_within(file, MAX_BYTES)
    }

    /// The same with another bound.
    pub(super) fn json_within<T: DeserializeOwned>(&self, file: &Path, limit: u64) -> Option<T> {
        self.unless_gone(file, files::read_json(file, limit))
    }

    fn unless_gone<T>(&self, path: &Path, result: io::Result<T>) -> Option<T> {
        match result {
            Ok(read) => Some(read),
            // Runtimes are not installed, and containers go away.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                None
            }
            Err(error) => {
                self.not_read(path, &error.to_string());
                None
            }
        }
    }

    /// Tells of something that could not be read, or is not.
    pub(super) fn not_read(&self, path: &Path, why: &str) {
        let line = format!("{}: {}: {why}", self.kind, path.display());
        (self.tell)(Found::NotRead(line));
    }

    /// Tells of a container.
    pub(super) fn container(&self, id: &[u8], name: Option<Text>, pod: Option<NamedPod>) {
        if name.is_some() || pod.is_some() {
            let id = Text::from(id);
            (self.tell)(Found::Container(NamedContainer { id, name, pod }));
        }
    }
}

/// Returns a text as a name, unless it cannot be one.
pub(super) fn name(text: &str) -> Option<Text> {
    let fits = !text.is_empty() && text.len() <= MAX_NAME;
    fits.then(|| Text::from(text))
}

/// Returns a pod of Kubernetes, if at least name and namespace are known.
pub(super) fn pod(
    uid: Option<&str>,
    pod: Option<&str>,
    namespace: Option<&str>,
) -> Option<NamedPod> {
    Some(NamedPod {
        uid: uid.and_then(name).unwrap_or_default(),
        name: pod.and_then(name)?,
        namespace: namespace.and_then(name)?,
    })
}
