//! Locks and a pipe with several waiters each, whose holders wait for something that the test
//! controls. All of it exists at the same time, and one answer must tell the cases apart.

use std::fs::{self, File, OpenOptions};
use std::io::{self, PipeReader, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use memcg_trace::sample::waits::{Evidence, TaskScan};
use memcg_trace::sample::{Mode, ResourceKind};
use rustix::fs::RawDir;

use super::look;
use crate::fault::Missing;
use crate::host::{Folder, Process, eventually};

/// A thread, by its number.
type Thread = (u32, JoinHandle<()>);

fn start(work: impl FnOnce() + Send + 'static) -> Thread {
    let (sender, tid) = mpsc::channel();
    let thread = thread::spawn(move || {
        let tid = rustix::thread::gettid().as_raw_nonzero().get();
        sender.send(u32::try_from(tid).unwrap()).unwrap();
        work();
    });
    (tid.recv().unwrap(), thread)
}

/// Waits until a task is in uninterruptible sleep.
fn sleeps(tid: u32) {
    eventually("a sleeper", || {
        let stat = fs::read_to_string(format!("/proc/{tid}/stat")).unwrap();
        if stat.contains(") D ") {
            Ok(())
        } else {
            Err(stat)
        }
    });
}

/// One thread stops in the middle of a write, with the lock; three more want to write.
struct Line {
    kind: ResourceKind,
    missing: Missing,
    holder: Thread,
    waiters: Vec<Thread>,
}

impl Line {
    fn new(kind: ResourceKind, mut files: [File; 4]) -> Self {
        let missing = Missing::new();
        let page = missing.page;
        let mut first = files[0].try_clone().unwrap();
        let holder = start(move || first.write_all(page).unwrap());
        missing.wait_for_reader();
        let waiters = files.iter_mut().skip(1).map(|file| {
            let mut file = file.try_clone().unwrap();
            let waiter = start(move || file.write_all(b"x").unwrap());
            sleeps(waiter.0);
            waiter
        });
        Self {
            kind,
            waiters: waiters.collect(),
            missing,
            holder,
        }
    }

    fn check(&self, look: &TaskScan) {
        let mut addresses = Vec::new();
        for (tid, _) in &self.waiters {
            let (wait, lock, holders) = look::wait_of(look, *tid);
            assert_eq!(lock.kind, self.kind);
            assert_eq!(wait.mode, Mode::Write);
            assert_eq!(wait.evidence, Evidence::OwnerWord);
            assert_eq!(lock.holders[0].evidence, Evidence::OwnerWord);
            assert_eq!(lock.incomplete, None);
            // The pipe's mutex is identified by its memory, the inode's rwsem by its inode.
            let name = lock.name.as_deref().unwrap();
            match self.kind {
                ResourceKind::Mutex => assert!(name.contains(" in kmalloc-"), "{name}"),
                _ => assert_eq!(name, "inode.i_rwsem"),
            }
            let holders: Vec<_> = holders.iter().map(|task| task.tid).collect();
            assert_eq!(holders, [self.holder.0]);
            addresses.push(lock.addr);
        }
        addresses.dedup();
        assert_eq!(addresses.len(), 1, "one lock");
        // The holder itself waits, for the server of its fault.
        let (_, fault, nobody) = look::wait_of(look, self.holder.0);
        assert_eq!(fault.name.as_deref(), Some("userfaultfd"));
        assert!(nobody.is_empty() && fault.incomplete.is_some());
    }

    fn end(self) {
        self.missing.give();
        for (_, thread) in [self.holder].into_iter().chain(self.waiters) {
            thread.join().unwrap();
        }
    }
}

/// The task that lists a directory has its lock for reading, and another wants to make a directory
/// in it.
struct Listed {
    missing: Missing,
    lister: Thread,
    mkdir: Child,
}

impl Listed {
    fn new(folder: &Folder) -> Self {
        let missing = Missing::new();
        let buffer = missing.buffer();
        let path = folder.path().to_owned();
        let lister = start(move || {
            let folder = File::open(path).unwrap();
            RawDir::new(folder, buffer).next().unwrap().unwrap();
        });
        missing.wait_for_reader();
        let mut command = Command::new("mkdir");
        command.arg(folder.file("made")).stdin(Stdio::null());
        // mkdir ends only after the lister, also if this test fails.
        let mkdir = command.spawn().unwrap();
        sleeps(mkdir.id());
        Self {
            missing,
            lister,
            mkdir,
        }
    }

    fn check(&self, look: &TaskScan) {
        let (wait, lock, holders) = look::wait_of(look, self.mkdir.id());
        assert_eq!(lock.kind, ResourceKind::Rwsem);
        assert_eq!(wait.mode, Mode::Write);
        // The last reader may not be the holder: the field is a hint, and the evidence is marked
        // so.
        assert_eq!(lock.holders[0].evidence, Evidence::Hint);
        assert_eq!(lock.holders[0].mode, Mode::Read);
        assert!(lock.incomplete.is_some());
        assert_eq!(holders[0].tid, self.lister.0);
    }

    fn end(mut self) {
        self.missing.give();
        self.lister.1.join().unwrap();
        assert!(self.mkdir.wait().unwrap().success());
    }
}

/// A writer of a full pipe waits for all who can read it: two processes and the threads of one.
struct FullPipe {
    reader: PipeReader,
    writer: Thread,
    idler: Thread,
    /// Ends the idler.
    idle: Sender<()>,
    others: [Process; 2],
}

impl FullPipe {
    fn new() -> Self {
        let (reader, writer) = io::pipe().unwrap();
        let mut file = File::from(OwnedFd::from(writer));
        let writer = start(move || {
            // The readers are gone at the end.
            let _ = file.write_all(&vec![0; 1 << 20]);
        });
        eventually("a full pipe", || {
            let stack = fs::read_to_string(format!("/proc/{}/stack", writer.0)).unwrap();
            if stack.contains("pipe_write") {
                Ok(())
            } else {
                Err(stack)
            }
        });
        let (idle, idling) = mpsc::channel::<()>();
        let idler = start(move || {
            let _ = idling.recv();
        });
        let other = |name: &str| {
            let mut command = Command::new("sleep");
            command.arg("1000000").env("NAME", name);
            command.stdin(reader.try_clone().unwrap());
            Process(command.spawn().unwrap())
        };
        Self {
            others: [other("one"), other("two")],
            reader,
            writer,
            idler,
            idle,
        }
    }

    fn check(&self, look: &TaskScan) {
        let (wait, pipe, holders) = look::wait_of(look, self.writer.0);
        assert_eq!(pipe.kind, ResourceKind::Pipe);
        assert_eq!(wait.mode, Mode::Write);
        assert_eq!(pipe.incomplete, None);
        let tids: Vec<_> = holders.iter().map(|task| task.tid).collect();
        let others = self.others.each_ref().map(|other| other.0.id());
        for tid in [self.idler.0, others[0], others[1], std::process::id()] {
            assert!(tids.contains(&tid), "{tid} of {tids:?}");
        }
        // The writer shares the file table of the readers, but it does not read now.
        assert!(!tids.contains(&self.writer.0));
        assert!(!look::waits(look, others[0]), "sleep(1) waits for nobody");
    }

    fn end(self) {
        drop((self.others, self.reader));
        self.writer.1.join().unwrap();
        drop(self.idle);
        self.idler.1.join().unwrap();
    }
}

#[test]
fn locks_and_a_pipe_with_several_in_line() {
    let (reader, writer) = io::pipe().unwrap();
    let writer = OwnedFd::from(writer);
    let writers = [(); 4].map(|()| File::from(writer.try_clone().unwrap()));
    let mutex = Line::new(ResourceKind::Mutex, writers);

    let folder = Folder::new("line");
    // Opened again: one opening that two tasks write to has a lock of its own.
    let file = |()| {
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .append(true)
            .open(folder.file("appended"));
        file.unwrap()
    };
    let rwsem = Line::new(ResourceKind::Rwsem, [(); 4].map(file));

    let listed_folder = Folder::new("listed");
    let listed = Listed::new(&listed_folder);
    let pipe = FullPipe::new();

    let waits = look::ask();
    assert_eq!(waits.looks.len(), 2);
    look::show(&waits.looks[1]);
    for look in &waits.looks {
        mutex.check(look);
        rwsem.check(look);
        listed.check(look);
        pipe.check(look);
    }
    pipe.end();
    listed.end();
    rwsem.end();
    mutex.end();
    drop(reader);
}
