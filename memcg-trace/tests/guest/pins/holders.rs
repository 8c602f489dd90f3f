//! Holders of pins, in cases where a simple scan would name an innocent one, or none.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;

use rustix::fs::inotify;
use serde_json::{Value, json};

use super::ledger::{ledgers, zombies};
use super::memory::{Forked, Memory, move_pages};
use super::pages::of_private;
use crate::host::{Cgroup, Folder, eventually, reparents_pages, use_every_cpu};

/// The holders of the pages that pin a cgroup, and the sentence about them.
fn said(path: &str, kind: &str, other: &Cgroup) -> (Vec<Value>, String) {
    eventually("a ledger that adds up", || {
        use_every_cpu(other);
        let ledgers = ledgers(None);
        let ledger = ledgers.iter().find(|ledger| ledger.path() == path);
        let ledger = ledger.ok_or("it is no zombie")?;
        if ledger.unexplained() != Some(0) {
            return Err(format!("{ledger:?}"));
        }
        let holders = ledger.holders(kind).cloned().collect();
        Ok((holders, ledger.sentence().to_owned()))
    })
}

/// Touched memory that is charged to a cgroup.
fn touched(cgroup: &Cgroup, pages: usize) -> Memory {
    cgroup.inside(|| {
        let memory = Memory::private(pages);
        memory.touch();
        memory
    })
}

/// References that the tool did not find.
fn missing(holder: &Value) -> u64 {
    let held = |what: &str| holder["held"][what].as_u64().unwrap();
    held("refs") - held("found")
}

/// Anonymous pages that were given to a pipe, and whose mapping is gone: only the pipe's owner
/// keeps them.
#[test]
fn pages_in_a_pipe() {
    if reparents_pages() {
        return;
    }
    let (cgroup, other) = (Cgroup::new("spliced"), Cgroup::new("other"));
    let (reader, writer) = io::pipe().unwrap();
    let memory = touched(&cgroup, 8);
    memory.give_to(&writer);
    drop(memory);
    cgroup.remove();
    let path = cgroup.path();
    let (holders, sentence) = said(&path, "page_anon", &other);
    println!("{sentence}");
    let (pid, fd) = (std::process::id(), reader.as_raw_fd());
    let is_reader = |holder: &&Value| holder["fd"] == fd && holder["pid"] == pid;
    let holder = holders.iter().find(is_reader);
    let holder = holder.unwrap_or_else(|| panic!("the reader is not named: {holders:?}"));
    assert_eq!(holder["how"], "in_pipe");
    assert_eq!(missing(holder), 0, "{holder}");
    let refs = holders.iter().map(|holder| holder["user_refs"].as_u64());
    let refs: Option<u64> = refs.sum();
    assert_eq!(refs, Some(8), "one reference a page: {holders:?}");
    assert!(
        holders.iter().all(|holder| holder["how"] == "in_pipe"),
        "{holders:?}"
    );
    assert!(sentence.contains("in the pipe of"), "{sentence}");
    drop((reader, writer));
    is_freed(&path, &other);
}

/// The same pages on their way through a socket: they are reported as held by something unknown.
#[test]
fn pages_in_a_socket() {
    if reparents_pages() {
        return;
    }
    let (cgroup, other) = (Cgroup::new("sent"), Cgroup::new("other"));
    let (reader, writer) = io::pipe().unwrap();
    let (sender, receiver) = UnixStream::pair().unwrap();
    let memory = touched(&cgroup, 4);
    memory.give_to(&writer);
    drop(memory);
    move_pages(&reader, &sender, 4);
    cgroup.remove();
    let (holders, sentence) = said(&cgroup.path(), "page_anon", &other);
    println!("{sentence}");
    let holder = &holders[0];
    assert_eq!(holder["pid"], Value::Null, "{holder}");
    assert_eq!(missing(holder), 4, "{holder}");
    assert_ne!(holder["held"]["not_checked"], json!([]));
    assert!(
        sentence.contains("4 references to it were not found"),
        "{sentence}"
    );
    drop((sender, receiver));
    is_freed(&cgroup.path(), &other);
}

/// Pages whose `anon_vma` leads to a process and its child, of which only one maps them.
#[test]
fn who_really_maps_them() {
    if reparents_pages() {
        return;
    }
    let (cgroup, other) = (Cgroup::new("forked"), Cgroup::new("other"));
    let memory = Memory::private(20);
    memory.touch();
    // The child's mapping is in the tree from here on, but its page tables have none of the pages.
    let child = Forked::new();
    cgroup.inside(|| memory.touch());
    cgroup.remove();
    let fixture = of_private(&cgroup, 20);
    let (holders, sentence) = said(&fixture.path, "page_anon", &other);
    println!("{sentence}");
    let pids: Vec<_> = holders.iter().map(|holder| holder["pid"].clone()).collect();
    assert_eq!(pids, [json!(std::process::id())], "{holders:?}");
    assert_eq!(holders[0]["user_refs"], 20);
    assert_eq!(missing(&holders[0]), 0, "{holders:?}");
    drop(memory);
    drop(child);
    is_freed(&fixture.path, &other);
}

/// A file that nobody has open, and that is watched: its inode has one more reference.
#[test]
fn a_watched_file() {
    if reparents_pages() {
        return;
    }
    let (cgroup, other) = (Cgroup::new("watched"), Cgroup::new("other"));
    let folder = Folder::new("watched");
    let name = folder.file("config");
    let mut file = File::create(&name).unwrap();
    cgroup.inside(|| file.write_all(&[1; 40_960])).unwrap();
    drop(file);
    let watches = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(&watches, &name, inotify::WatchFlags::MODIFY).unwrap();
    cgroup.remove();
    let (holders, sentence) = said(&cgroup.path(), "page_shmem", &other);
    println!("{sentence}");
    assert_eq!(holders.len(), 1, "{holders:?}");
    assert_eq!(holders[0]["how"], "watches");
    assert_eq!(holders[0]["pid"], std::process::id());
    assert_eq!(missing(&holders[0]), 0, "{holders:?}");
    drop(watches);
    eventually("nobody has it", || {
        let (_, sentence) = said(&cgroup.path(), "page_shmem", &other);
        match sentence.ends_with("which nobody has open") {
            true => Ok(()),
            false => Err(sentence),
        }
    });
    fs::remove_file(name).unwrap();
    is_freed(&cgroup.path(), &other);
}

fn is_freed(path: &str, other: &Cgroup) {
    eventually("it is freed", || {
        use_every_cpu(other);
        // Zombies of earlier tests may still be there.
        match zombies().0.iter().find(|zombie| zombie["path"] == *path) {
            None => Ok(()),
            Some(zombie) => Err(zombie.to_string()),
        }
    });
}
