//! The thread that writes recordings: a disk may be full, or hang.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel,
};
use std::time::Duration;

use anyhow::Context as _;

use super::folder::Folder;
use super::recording::{Bounds, Order, Recording};
use super::stats::Stats;
use crate::cli::messages::Messages;
use crate::sample::recording::Encoded;

/// The most tasks, and the most bytes of samples, that wait for the disk.
const MAX_TASKS: usize = 256;
const MAX_WAITING_BYTES: usize = 16 << 20;
/// The longest wait for the disk at the end.
const LONGEST_END: Duration = Duration::from_secs(5);

/// A task of the thread; the number tells recordings apart.
enum Task {
    Begin(u64, Box<Order>),
    Add(u64, Encoded),
    End(u64, IsComplete),
}

type IsComplete = bool;

/// The other side of the thread.
pub(super) struct Writer {
    tasks: SyncSender<Task>,
    ended: Receiver<()>,
    /// The program waits for the disk: a recording that is read as fast as possible can wait.
    may_wait: bool,
    waiting: Arc<Waiting>,
    /// The moment of the last recording that was begun.
    moment_ns: u64,
    stats: Arc<Stats>,
}

/// Tasks that the thread has not taken yet.
#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    /// Recordings that it has to begin: each has all samples until its moment.
    begun: AtomicUsize,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        folder: Folder,
        bounds: Bounds,
        may_wait: bool,
        stats: &Arc<Stats>,
        messages: Messages,
    ) -> anyhow::Result<Self> {
        let (tasks, receiver) = sync_channel(MAX_TASKS);
        let (end, ended) = channel();
        let waiting = Arc::new(Waiting::default());
        let mut thread = Thread {
            waiting: Arc::clone(&waiting),
            folder,
            bounds,
            recordings: BTreeMap::new(),
            stats: Arc::clone(stats),
            messages,
        };
        std::thread::Builder::new()
            .name("incidents".to_owned())
            .spawn(move || {
                while let Ok(task) = receiver.recv() {
                    thread.take(task);
                }
                thread.end_all();
                drop(end);
            })
            .context("cannot write incidents")?;
        Ok(Self {
            tasks,
            ended,
            may_wait,
            waiting,
            moment_ns: 0,
            stats: Arc::clone(stats),
        })
    }

    /// Begins a recording. Returns whether that is possible.
    pub(super) fn begin(&mut self, number: u64, order: Order) -> bool {
        let moment_ns = order.incident.mono_ns;
        let is_other = std::mem::replace(&mut self.moment_ns, moment_ns) != moment_ns;
        let is_busy = self.waiting.begun.load(Ordering::Relaxed) > 0;
        // Samples until another moment would be in memory, too.
        let is_refused = is_other && is_busy && !self.may_wait;
        self.waiting.begun.fetch_add(1, Ordering::Relaxed);
        let is_begun = !is_refused && self.send(Task::Begin(number, Box::new(order)));
        if !is_begun {
            self.waiting.begun.fetch_sub(1, Ordering::Relaxed);
            self.stats.failed.add(1);
            self.stats.lost.add(1);
        }
        is_begun
    }

    /// Adds a sample to a recording. Returns whether it will be in it.
    pub(super) fn add(&self, number: u64, sample: Encoded) -> bool {
        let bytes = sample.bytes();
        let before = self.waiting.bytes.fetch_add(bytes, Ordering::Relaxed);
        let has_room = self.may_wait || before < MAX_WAITING_BYTES;
        let is_added = has_room && self.send(Task::Add(number, sample));
        if !is_added {
            self.waiting.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        is_added
    }

    /// Ends a recording.
    pub(super) fn end(&self, number: u64, is_complete: bool) {
        // A disk that hangs gets to it later, at the end of the program.
        self.send(Task::End(number, is_complete));
    }

    fn send(&self, task: Task) -> bool {
        match self.may_wait {
            true => self.tasks.send(task).is_ok(),
            false => match self.tasks.try_send(task) {
                Ok(()) => true,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
            },
        }
    }

    /// Waits until all is written, but not for ever.
    pub(super) fn finish(self, messages: Messages) {
        drop(self.tasks);
        if self.ended.recv_timeout(LONGEST_END) == Err(RecvTimeoutError::Timeout) {
            messages
                .warn("incidents: the disk does not answer, and the end of a recording is lost");
        }
    }
}

struct Thread {
    folder: Folder,
    bounds: Bounds,
    recordings: BTreeMap<u64, Recording>,
    stats: Arc<Stats>,
    messages: Messages,
    waiting: Arc<Waiting>,
}

impl Thread {
    fn take(&mut self, task: Task) {
        match task {
            Task::Begin(number, order) => {
                self.begin(number, *order);
                self.waiting.begun.fetch_sub(1, Ordering::Relaxed);
            }
            Task::Add(number, sample) => {
                let bytes = sample.bytes();
                self.waiting.bytes.fetch_sub(bytes, Ordering::Relaxed);
                if let Some(recording) = self.recordings.get_mut(&number) {
                    recording.add(sample.frame());
                }
            }
            Task::End(number, is_complete) => self.end(number, is_complete),
        }
    }

    fn begin(&mut self, number: u64, order: Order) {
        match Recording::begin(&self.folder, self.bounds, order) {
            Ok(recording) => {
                self.recordings.insert(number, recording);
            }
            Err(error) => {
                self.stats.failed.add(1);
                self.stats.lost.add(1);
                self.warn("cannot write an incident", &error);
            }
        }
    }

    fn end(&mut self, number: u64, is_complete: bool) {
        let Some(recording) = self.recordings.remove(&number) else {
            return;
        };
        self.stats.removed.add(recording.removed);
        let name = recording.name();
        if let Some(lost) = &recording.lost {
            self.stats.lost.add(1);
            self.messages
                .warn(&format!("incidents: {name} lacks a part: {lost}"));
        }
        match recording.end(is_complete) {
            Ok(true) => self.stats.whole.add(1),
            Ok(false) => self.stats.cut.add(1),
            Err(error) => {
                self.stats.cut.add(1);
                self.warn(&format!("the end of {name}"), &error);
            }
        }
    }

    fn end_all(&mut self) {
        while let Some(number) = self.recordings.keys().next().copied() {
            self.end(number, false);
        }
    }

    fn warn(&self, what: &str, error: &io::Error) {
        self.messages.warn(&format!(
            "incidents: {what} in {}: {error}",
            self.folder.path.display()
        ));
    }
}
