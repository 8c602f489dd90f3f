//! Metrics in a file, for the textfile collector of node_exporter.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::Context as _;

use super::published::Published;
use crate::cli::messages::Messages;
use crate::output::metrics::Format;

/// A thread that writes the file: a disk may be full, or hang.
pub(super) struct Textfile {
    sender: SyncSender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Textfile {
    /// Starts the thread.
    pub(super) fn start(
        path: PathBuf,
        published: Arc<Published>,
        messages: Messages,
    ) -> anyhow::Result<Self> {
        let (sender, receiver) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("textfile".to_owned())
            .spawn(move || keep_writing(&path, &published, &receiver, messages))
            .context("cannot write a textfile")?;
        Ok(Self { sender, thread })
    }

    /// Asks for the file to be written.
    pub(super) fn write(&self) {
        // One that waits already will write the newest snapshot, too.
        let _ = self.sender.try_send(());
    }

    /// Waits until the file is written; the last error, if the last try failed.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        drop(self.sender);
        self.thread.join().unwrap_or(Ok(()))
    }
}

fn keep_writing(
    path: &Path,
    published: &Published,
    receiver: &Receiver<()>,
    messages: Messages,
) -> anyhow::Result<()> {
    let mut last = Ok(());
    while receiver.recv().is_ok() {
        let had_failed = last.is_err();
        last = write(path, &published.metrics(Format::Prometheus));
        if let (Err(error), false) = (&last, had_failed) {
            messages.warn(&format!("{error:#}; trying again"));
        }
    }
    last
}

/// Replaces the file as a whole: a reader finds the old one or the new one.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    let beside = PathBuf::from(beside);
    // What is there is not written to: it may be a link to something else.
    let _ = fs::remove_file(&beside);
    let written = File::create_new(&beside).and_then(|mut file| file.write_all(text.as_bytes()));
    let replaced = written.and_then(|()| fs::rename(&beside, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&beside);
    }
    replaced.with_context(failed)
}
