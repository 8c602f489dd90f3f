//! Pipes: the tasks that have them open, from the file tables of all threads.

use std::collections::{HashMap, HashSet};

use super::descriptors;
use super::finding::{Finding, holder};
use super::records::{self, Entry, LinkMemory};
use super::stacks::Stack;
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::host::symbols::Symbol;
use crate::kernel::layout::fields::Field;
use crate::sample::waits::{Evidence, Holder, Resource};
use crate::sample::{Mode, ResourceKind};

/// `FMODE_READ`, `FMODE_WRITE` (include/linux/fs.h).
const READ: u64 = 1;
const WRITE: u64 = 2;

/// `file.f_op` of a pipe; those without a name have their own since 6.16.
const OPERATIONS: &[&str] = &["pipeanon_fops", "pipefifo_fops"];

/// A descriptor of a pipe.
#[derive(Clone, Copy, Debug)]
struct End {
    thread: usize,
    fd: u32,
    file: u64,
    mode: u64,
}

/// All pipes that some thread has open, by `pipe_inode_info`.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    ends: HashMap<u64, Vec<End>>,
    /// `file.f_inode` of one file of each pipe.
    inodes: HashMap<u64, u64>,
}

impl Pipes {
    /// Reads the file tables of all threads.
    pub(super) fn read(view: &View<'_>) -> Result<Self, Unreadable> {
        let reader = view.reader;
        let found = descriptors::read(view, OPERATIONS)?;
        let files: Vec<u64> = found.iter().map(|one| one.file).collect();
        let modes = reader.column(&files, Field::FileMode)?;
        let inodes = reader.column(&files, Field::FileInode)?;
        let mut pipes = Self::default();
        for (at, one) in found.into_iter().enumerate() {
            let Some(mode) = modes[at] else { continue };
            pipes.inodes.insert(one.private, inodes[at].unwrap_or(0));
            let ends = pipes.ends.entry(one.private).or_default();
            ends.extend(one.threads.iter().map(|thread| End {
                thread: *thread,
                fd: one.fd,
                file: one.file,
                mode,
            }));
        }
        Ok(pipes)
    }

    /// The tasks that could read from a pipe, or write to it, and the number of their files.
    fn users(&self, pipe: u64, wanted: u64) -> (Vec<Holder>, usize) {
        let ends = self.ends.get(&pipe).into_iter().flatten();
        let ends: Vec<_> = ends.filter(|end| end.mode & wanted != 0).collect();
        let files: HashSet<_> = ends.iter().map(|end| end.file).collect();
        let holders = ends.iter().map(|end| Holder {
            fd: Some(end.fd),
            ..holder(end.thread, Mode::Read, Evidence::OwnerWord)
        });
        (holders.collect(), files.len())
    }
}

/// The pipe that a task waits for: for space to write, or for bytes to read. The task's own end
/// does not count: it cannot use it while it waits.
pub(super) fn wait(
    view: &View<'_>,
    pipes: &Pipes,
    at: usize,
    stack: &Stack<'_>,
    mode: Mode,
) -> Result<Option<Finding>, Unreadable> {
    let Some(waker) = view.symbols.address(Symbol::AutoremoveWakeFunction) else {
        return Ok(None);
    };
    let (queue, count, wanted, others) = match mode {
        Mode::Read => (
            Field::PipeReadWaiters,
            Field::PipeWriters,
            WRITE,
            Mode::Write,
        ),
        _ => (
            Field::PipeWriteWaiters,
            Field::PipeReaders,
            READ,
            Mode::Read,
        ),
    };
    let task = view.threads.all[at].addr;
    let offset = view.reader.offset(queue)?;
    let is_head = |head: u64| pipes.ends.contains_key(&head.wrapping_sub(offset));
    let entry = Entry::of(|field| view.reader.offset(field))?;
    let head = LinkMemory::now(view.reader, view.threads, |memory| {
        records::queue_of(memory, stack, task, entry, waker, is_head)
    })?;
    let Some(head) = head else { return Ok(None) };
    let pipe = head.wrapping_sub(offset);
    let (mut holders, files) = pipes.users(pipe, wanted);
    holders.retain(|holder| holder.task as usize != at);
    for holder in &mut holders {
        holder.mode = others;
        if view.events.reads_core_of(view, holder.task as usize, at) {
            holder.evidence = Evidence::Traced;
        }
    }
    let expected = view.reader.word(pipe, count)?;
    let missing = expected.saturating_sub(files as u64);
    let side = if wanted == READ { "readers" } else { "writers" };
    let inode = pipes.inodes.get(&pipe).copied().unwrap_or(0);
    let resource = Resource {
        kind: ResourceKind::Pipe,
        addr: pipe,
        ino: view.reader.word(inode, Field::InodeIno).ok(),
        holders,
        incomplete: (missing > 0)
            .then(|| format!("{missing} of its {expected} {side} were not found")),
        ..Resource::default()
    };
    Ok(Some(Finding::new(at, resource, mode, Evidence::OwnerWord)))
}
