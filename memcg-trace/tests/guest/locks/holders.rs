//! Locks with several in line, whose holder waits for something of a test's own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use memcg_trace::sample::waits::{Evidence, Look};
use memcg_trace::sample::{Mode, ResourceKind};
use rustix::fs::RawDir;

use super::look;
use crate::fault::Missing;
use crate::host::{Folder, Process, eventually};

/// Starts a thread; its number, and itself.
fn start(work: impl FnOnce() + Send + 'static) -> (u32, JoinHandle<()>) {
    let (sender, tid) = mpsc::channel();
    let thread = thread::spawn(move || {
        let tid = rustix::thread::gettid().as_raw_nonzero().get();
        sender.send(u32::try_from(tid).unwrap()).unwrap();
        work();
    });
    (tid.recv().unwrap(), thread)
}

fn sleeps(tid: u32) {
    eventually("a sleeper", || {
        let stat = fs::read_to_string(format!("/proc/self/task/{tid}/stat")).unwrap();
        if stat.contains(") D ") {
            Ok(())
        } else {
            Err(stat)
        }
    });
}

/// The same in both looks.
fn both(check: impl Fn(&Look)) {
    let waits = look::ask();
    assert_eq!(waits.looks.len(), 2);
    look::show(&waits.looks[1]);
    for look in &waits.looks {
        check(look);
    }
}

/// One thread stops in the middle of a write, with the lock; three more want to write.
fn line(kind: ResourceKind, mut files: [File; 4]) {
    let missing = Missing::new();
    let page = missing.page;
    let mut first = files[0].try_clone().unwrap();
    let (holder, holding) = start(move || first.write_all(page).unwrap());
    missing.wait_for_reader();
    let waiters: Vec<_> = files
        .iter_mut()
        .skip(1)
        .map(|file| {
            let mut file = file.try_clone().unwrap();
            let (tid, thread) = start(move || file.write_all(b"x").unwrap());
            sleeps(tid);
            (tid, thread)
        })
        .collect();
    both(|look| {
        let mut addresses = Vec::new();
        for (tid, _) in &waiters {
            let (wait, lock, holders) = look::wait_of(look, *tid);
            assert_eq!(lock.kind, kind);
            assert_eq!(wait.mode, Mode::Write);
            assert_eq!(wait.evidence, Evidence::OwnerWord);
            assert_eq!(lock.holders[0].evidence, Evidence::OwnerWord);
            assert_eq!(lock.incomplete, None);
            // The pipe's mutex is known by its memory, the inode's rwsem by its inode.
            let name = lock.name.as_deref().unwrap();
            match kind {
                ResourceKind::Mutex => assert!(name.contains(" in kmalloc-"), "{name}"),
                _ => assert_eq!(name, "inode.i_rwsem"),
            }
            let holders: Vec<_> = holders.iter().map(|task| task.tid).collect();
            assert_eq!(holders, [holder]);
            addresses.push(lock.addr);
        }
        addresses.dedup();
        assert_eq!(addresses.len(), 1, "one lock");
        // It waits itself, for whoever answers its fault.
        let (_, fault, nobody) = look::wait_of(look, holder);
        assert_eq!(fault.name.as_deref(), Some("userfaultfd"));
        assert!(nobody.is_empty() && fault.incomplete.is_some());
    });
    missing.give();
    holding.join().unwrap();
    for (_, thread) in waiters {
        thread.join().unwrap();
    }
}

#[test]
fn a_mutex_with_three_in_line() {
    let (reader, writer) = io::pipe().unwrap();
    let writer = OwnedFd::from(writer);
    let writers = [(); 4].map(|()| File::from(writer.try_clone().unwrap()));
    line(ResourceKind::Mutex, writers);
    drop(reader);
}

#[test]
fn an_rwsem_with_three_in_line() {
    let folder = Folder::new("line");
    // Opened anew: what one opening is written to by two has a lock of its own.
    let file = |()| {
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .append(true)
            .open(folder.file("appended"));
        file.unwrap()
    };
    line(ResourceKind::Rwsem, [(); 4].map(file));
}

#[test]
fn an_rwsem_that_a_reader_has() {
    let folder = Folder::new("listed");
    let missing = Missing::new();
    let buffer = missing.buffer();
    let path = folder.path().to_owned();
    let (lister, listing) = start(move || {
        let folder = File::open(path).unwrap();
        RawDir::new(folder, buffer).next().unwrap().unwrap();
    });
    missing.wait_for_reader();
    let mut command = Command::new("mkdir");
    command.arg(folder.file("made")).stdin(Stdio::null());
    // It ends only after the lister, also if this fails.
    let mut mkdir = command.spawn().unwrap();
    let pid = mkdir.id();
    eventually("mkdir waits", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        if stat.contains(") D ") {
            Ok(())
        } else {
            Err(stat)
        }
    });
    both(|look| {
        let (wait, lock, holders) = look::wait_of(look, pid);
        assert_eq!(lock.kind, ResourceKind::Rwsem);
        assert_eq!(wait.mode, Mode::Write);
        // The last reader may not be the one: it is a hint, and is said to be.
        assert_eq!(lock.holders[0].evidence, Evidence::Hint);
        assert_eq!(lock.holders[0].mode, Mode::Read);
        assert!(lock.incomplete.is_some());
        assert_eq!(holders[0].tid, lister);
    });
    missing.give();
    listing.join().unwrap();
    assert!(mkdir.wait().unwrap().success());
}

/// A writer of a full pipe waits for all who can read it: two processes and a thread.
#[test]
fn a_full_pipe_with_three_readers() {
    let (reader, writer) = io::pipe().unwrap();
    let mut file = File::from(OwnedFd::from(writer));
    let (dumper, writing) = start(move || {
        // The readers are gone at the end.
        let _ = file.write_all(&vec![0; 1 << 20]);
    });
    eventually("a full pipe", || {
        let stack = fs::read_to_string(format!("/proc/self/task/{dumper}/stack")).unwrap();
        if stack.contains("pipe_write") {
            Ok(())
        } else {
            Err(stack)
        }
    });
    let (idler, idling) = mpsc::channel::<()>();
    let (thread, ended) = start(move || {
        let _ = idling.recv();
    });
    let other = |name: &str| {
        let mut command = Command::new("sleep");
        command.arg("1000000").env("NAME", name);
        command.stdin(reader.try_clone().unwrap());
        Process(command.spawn().unwrap())
    };
    let others = [other("one"), other("two")];
    both(|look| {
        let (wait, pipe, holders) = look::wait_of(look, dumper);
        assert_eq!(pipe.kind, ResourceKind::Pipe);
        assert_eq!(wait.mode, Mode::Write);
        assert_eq!(pipe.incomplete, None);
        let tids: Vec<_> = holders.iter().map(|task| task.tid).collect();
        for tid in [
            thread,
            others[0].0.id(),
            others[1].0.id(),
            std::process::id(),
        ] {
            assert!(tids.contains(&tid), "{tid} of {tids:?}");
        }
        // The writer shares the file table of those who could read, but it does not read now.
        assert!(!tids.contains(&dumper));
        assert!(
            !look::waits(look, others[0].0.id()),
            "sleep(1) waits for nobody"
        );
    });
    drop(others);
    drop(reader);
    writing.join().unwrap();
    drop(idler);
    ended.join().unwrap();
}
