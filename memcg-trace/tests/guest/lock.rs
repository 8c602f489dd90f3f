//! Waits for locks: one of known length, seen once; and a contended `cgroup_mutex`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;

use crate::contract::Record;
use crate::export::{Export, Frame};
use crate::fault::Missing;
use crate::host::{Cgroup, Folder, now_ns};
use crate::traces::{TRACING, Traces};

fn has_tracepoints() -> bool {
    Path::new(TRACING)
        .join("events/lock/contention_begin")
        .exists()
}

/// Starts it, and sees that the waits come from where they should.
fn start(attach: &str) -> Export {
    let export = Export::start(&["--attach", attach]);
    let by_kprobe = Traces::now().kprobes.contains("__mutex_lock_slowpath");
    println!(
        "--attach {attach}: tracepoints {}, kprobes used {by_kprobe}",
        has_tracepoints()
    );
    assert_eq!(by_kprobe, attach == "kprobe" || !has_tracepoints());
    export
}

fn stats<'a>(frame: &'a Frame, addr: &'a str) -> Vec<&'a Record> {
    frame
        .of_kind("lock_stats")
        .filter(|lock| lock.data["resource"]["addr"] == addr)
        .collect()
}

/// Where the kernel says that a thread of ours is; nothing if it runs, or is gone.
fn stack_of(tid: u64) -> String {
    let stack = fs::read_to_string(format!("/proc/self/task/{tid}/stack")).unwrap_or_default();
    let functions = stack.lines().filter_map(|line| line.split("] ").nth(1));
    let functions: String = functions.map(|function| format!(" < {function}")).collect();
    functions.replace("+0x", "+")
}

fn wait_of(frame: &Frame, tid: u64) -> Result<&Record, String> {
    let mut waits = frame.of_kind("lock_wait");
    waits
        .find(|wait| wait.data["tid"] == tid)
        .ok_or_else(|| format!("{tid} does not wait{}", stack_of(tid)))
}

/// One thread stops in the middle of a write, with the file's lock; another wants to write, too.
fn one_wait(export: &mut Export, kind: &str, [mut first, mut second]: [File; 2]) {
    let missing = Missing::new();
    let page = missing.page;
    let holder = thread::Builder::new()
        .name("holder".into())
        .spawn(move || first.write_all(page).unwrap());
    missing.wait_for_reader();
    let (sender, tid) = std::sync::mpsc::channel();
    let waiter = thread::Builder::new().name("waiter".into()).spawn(move || {
        let tid = rustix::thread::gettid().as_raw_nonzero().get();
        sender.send(u64::try_from(tid).unwrap()).unwrap();
        let begin_ns = now_ns();
        second.write_all(b"x").unwrap();
        (begin_ns, now_ns())
    });
    let tid = tid.recv().unwrap();

    let first = export.until("the wait", |frame| Ok(wait_of(frame, tid)?.clone()));
    let seen_ns = first.number("since_ns") + first.number("waited_ns");
    assert_eq!(first.number("pid"), u64::from(std::process::id()));
    assert_eq!(first.data["comm"], "waiter");
    assert_eq!(first.path(), Some("/"));
    assert_eq!(first.data["resource"]["kind"], kind);
    assert_eq!(first.data["mode"], "write");
    assert_eq!(first.data["evidence"], "traced");
    let addr = first.data["resource"]["addr"].as_str().unwrap().to_owned();
    // It goes on, and is the same one.
    let frame = export.fresh();
    let second = wait_of(&frame, tid).unwrap();
    assert_eq!(second.data["resource"], first.data["resource"]);
    assert_eq!(second.number("since_ns"), first.number("since_ns"));
    assert!(second.number("waited_ns") > first.number("waited_ns"));
    assert!(
        stats(&frame, &addr).is_empty(),
        "counted before it has ended"
    );

    let release_ns = now_ns();
    missing.give();
    holder.unwrap().join().unwrap();
    let (begin_ns, end_ns) = waiter.unwrap().join().unwrap();
    // Where no hook sees the end, it takes another look or two.
    let all = export.until("its end", |frame| match wait_of(frame, tid) {
        Ok(wait) => Err(format!("waits on: {wait:?}")),
        Err(_) => Ok(stats(frame, &addr).into_iter().cloned().collect::<Vec<_>>()),
    });
    assert_eq!(all.len(), 1, "{all:?}");
    let waited_ns = all[0].number("wait_ns_total");
    let (least_ns, most_ns) = (release_ns - seen_ns, end_ns - begin_ns);
    println!(
        "{kind} {addr}: {} wait of {waited_ns} ns; held {least_ns} ns after it was seen, \
         write(2) took {most_ns} ns",
        all[0].number("waits_total")
    );
    assert_eq!(all[0].number("waits_total"), 1);
    assert_eq!(all[0].number("max_ns"), waited_ns);
    assert!((least_ns..=most_ns).contains(&waited_ns));
    assert!(first.number("since_ns") >= begin_ns, "before it began");
    let top = &all[0].data["top_memcgs"];
    assert_eq!(top[0]["path"], "/");
    assert_eq!(top[0]["waits_total"], 1);
}

fn one_wait_each(attach: &str) {
    let mut export = start(attach);
    // A pipe's mutex, and the rwsem of a tmpfs file's inode.
    let (reader, writer) = io::pipe().unwrap();
    let writer = OwnedFd::from(writer);
    let writers = [writer.try_clone().unwrap(), writer];
    one_wait(&mut export, "mutex", writers.map(File::from));
    drop(reader);
    let folder = Folder::new("lock");
    // Opened twice: what one opening is written to by two has a lock of its own.
    let file = || {
        let mut options = OpenOptions::new();
        options.create(true).append(true).open(folder.file("log"))
    };
    one_wait(&mut export, "rwsem", [file().unwrap(), file().unwrap()]);
    export.stop();
}

#[test]
fn a_wait_is_seen_once() {
    one_wait_each("auto");
}

#[test]
fn a_wait_is_seen_once_by_kprobes() {
    one_wait_each("kprobe");
}

/// Cgroups made and removed on two CPUs: everybody wants the same lock.
fn contended(attach: &str) {
    let (one, two) = (Cgroup::new("busy-1"), Cgroup::new("busy-2"));
    let mut export = start(attach);
    let work = |cgroup: &Cgroup| {
        let begin_ns = now_ns();
        let mut made = 0;
        while now_ns() - begin_ns < 1_000_000_000 {
            let below = cgroup.dir().join("below");
            fs::create_dir(&below).unwrap();
            fs::remove_dir(&below).unwrap();
            made += 1;
        }
        made
    };
    let mut made: u64 = 0;
    let lock = export.until("waits for cgroup_mutex", |frame| {
        let lock = frame
            .of_kind("lock_stats")
            .find(|lock| lock.data["resource"]["name"] == "cgroup_mutex");
        if let Some(lock) = lock {
            return Ok(lock.clone());
        }
        made += thread::scope(|scope| {
            let other = scope.spawn(|| work(&one));
            work(&two) + other.join().unwrap()
        });
        Err(format!("none yet, after {made} cgroups"))
    });
    println!(
        "cgroup_mutex: {} waits, {} ns, longest {} ns, with {made} cgroups made and removed",
        lock.number("waits_total"),
        lock.number("wait_ns_total"),
        lock.number("max_ns")
    );
    assert_eq!(lock.data["resource"]["kind"], "mutex");
    assert!(lock.number("waits_total") > 0);
    assert!(lock.number("max_ns") <= lock.number("wait_ns_total"));
    let of_symbol = fs::read_to_string("/proc/kallsyms").unwrap();
    let of_symbol = of_symbol.lines().find_map(|line| {
        let (addr, name) = line.split_once(' ')?;
        name.ends_with(" cgroup_mutex").then(|| addr.to_owned())
    });
    let addr = format!("0x{}", of_symbol.unwrap().trim_start_matches('0'));
    assert_eq!(lock.data["resource"]["addr"], addr.as_str());
    export.stop();
}

#[test]
fn cgroup_mutex_is_contended() {
    contended("auto");
}

#[test]
fn cgroup_mutex_is_contended_by_kprobes() {
    contended("kprobe");
}
