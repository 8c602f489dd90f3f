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
use crate::slab::missed;
use crate::traces::{TRACING, Traces};

pub fn has_tracepoints() -> bool {
    Path::new(TRACING)
        .join("events/lock/contention_begin")
        .exists()
}

/// Starts an export, and checks that the waits come from the expected hooks.
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

/// The kernel stack of a thread of ours; empty if the thread runs or is gone.
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
    // The wait continues, as the same one.
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
    // Where no hook sees the end, one or two more scans do.
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

fn one_wait_each(export: &mut Export) {
    // A pipe's mutex, and the rwsem of a tmpfs file's inode.
    let (reader, writer) = io::pipe().unwrap();
    let writer = OwnedFd::from(writer);
    let writers = [writer.try_clone().unwrap(), writer];
    one_wait(export, "mutex", writers.map(File::from));
    drop(reader);
    let folder = Folder::new("lock");
    // Opened twice: one opening that two tasks write to has a lock of its own.
    let file = || {
        let mut options = OpenOptions::new();
        options.create(true).append(true).open(folder.file("log"))
    };
    one_wait(export, "rwsem", [file().unwrap(), file().unwrap()]);
}

/// Cgroups made and removed on two CPUs: all tasks contend for the same lock.
fn contended(export: &mut Export) {
    let (one, two) = (Cgroup::new("busy-1"), Cgroup::new("busy-2"));
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
    let (lock, frame) = export.until("waits for cgroup_mutex", |frame| {
        let lock = frame
            .of_kind("lock_stats")
            .find(|lock| lock.data["resource"]["name"] == "cgroup_mutex");
        // Stacks are samples, and a wait can end without a length.
        let has_all = |lock: &&Record| {
            let stacks = lock.data["top_stacks"].as_array().unwrap();
            lock.number("waits_total") > 0 && !stacks.is_empty() && !lock.data["p50_ns"].is_null()
        };
        if let Some(lock) = lock.filter(has_all) {
            return Ok((lock.clone(), frame.clone()));
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
    let (p50_ns, p99_ns) = (lock.number("p50_ns"), lock.number("p99_ns"));
    assert!(p50_ns <= p99_ns && p99_ns <= lock.number("max_ns"));
    for stack in lock.data["top_stacks"].as_array().unwrap() {
        println!("seen {}: {}", stack["seen_total"], stack["stack"]);
    }
    // The stack of the release is in the kernel's cgroup code, not in that of locks.
    let top = lock.data["top_stacks"][0]["stack"].as_array().unwrap();
    assert!(top[0].as_str().unwrap().contains("cgroup"), "{top:?}");
    // These two locks are reported, contended or not; holders of the other are seen.
    let hotplug = frame
        .of_kind("lock_stats")
        .find(|lock| lock.data["resource"]["name"] == "mem_hotplug_lock");
    let hotplug = &hotplug.unwrap().data;
    assert_eq!(hotplug["resource"]["kind"], "percpu_rwsem");
    assert!(hotplug["waits_total"].is_u64());
    assert_eq!(hotplug["holds"].as_array().unwrap().len(), 2, "{hotplug}");
    assert!(lock.data["holds"].is_null(), "nobody asked for that");
    let of_symbol = fs::read_to_string("/proc/kallsyms").unwrap();
    let of_symbol = of_symbol.lines().find_map(|line| {
        let (addr, name) = line.split_once(' ')?;
        name.ends_with(" cgroup_mutex").then(|| addr.to_owned())
    });
    let addr = format!("0x{}", of_symbol.unwrap().trim_start_matches('0'));
    assert_eq!(lock.data["resource"]["addr"], addr.as_str());
}

/// Both tests in one start of the tool.
fn waits(attach: &str) {
    let mut export = start(attach);
    one_wait_each(&mut export);
    contended(&mut export);
    export.stop();
}

#[test]
fn waits_are_seen_once() {
    waits("auto");
}

#[test]
fn waits_are_seen_once_by_kprobes() {
    if !has_tracepoints() {
        println!("what is taken anyway, which the other test is about");
        return;
    }
    waits("kprobe");
}

/// Unlocks of `cgroup_mutex` in the kernel's own trace.
struct Judge;

impl Judge {
    fn new(lock: &str) -> Self {
        fs::write(
            format!("{TRACING}/kprobe_events"),
            "p:judge/unlock mutex_unlock lock=%di:x64",
        )
        .unwrap();
        fs::write(Self::file("filter"), format!("lock == {lock}")).unwrap();
        fs::write(format!("{TRACING}/trace"), "").unwrap();
        fs::write(Self::file("enable"), "1").unwrap();
        Self
    }

    fn file(name: &str) -> String {
        format!("{TRACING}/events/judge/unlock/{name}")
    }

    fn count(&self) -> u64 {
        let trace = fs::read_to_string(format!("{TRACING}/trace")).unwrap();
        trace
            .lines()
            .filter(|line| line.contains("unlock: ("))
            .count() as u64
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let _ = fs::write(Self::file("enable"), "0");
        let _ = fs::write(format!("{TRACING}/kprobe_events"), "");
        let _ = fs::write(format!("{TRACING}/trace"), "");
    }
}

/// Every lock and unlock of `cgroup_mutex` is counted, contended or not.
pub fn holds_are_counted(export: &mut Export) {
    const CGROUPS: u64 = 100;
    let parent = Cgroup::new("held");
    let of = |frame: &Frame| {
        let mut locks = frame.of_kind("lock_stats");
        let lock = locks.find(|lock| lock.data["resource"]["name"] == "cgroup_mutex");
        lock.unwrap().clone()
    };
    let addr = of(&export.next()).data["resource"]["addr"].clone();
    let judge = Judge::new(addr.as_str().unwrap());
    // Both counts at a time without holders: the kernel does its work on dying cgroups when the
    // counts do not change.
    let quiet = |export: &mut Export| {
        let mut last = None;
        export.until("nobody has cgroup_mutex", |frame| {
            let lock = of(frame);
            let counts = (
                lock.data["holds"][0]["holds_total"].as_u64().unwrap(),
                judge.count(),
            );
            if last.replace(counts) == Some(counts) {
                let missed = missed(frame).unwrap_or(0);
                Ok((lock, (counts.0, counts.1, missed)))
            } else {
                Err(format!("{counts:?}"))
            }
        })
    };
    let (_, before) = quiet(export);
    for _ in 0..CGROUPS {
        let below = parent.dir().join("below");
        fs::create_dir(&below).unwrap();
        fs::remove_dir(&below).unwrap();
    }
    let (lock, after) = quiet(export);
    let hold = &lock.data["holds"][0];
    let (holds, unlocks) = (after.0 - before.0, after.1 - before.1);
    let missed = after.2 - before.2;
    println!(
        "{CGROUPS} cgroups made and removed: {holds} holds, {unlocks} unlocks by the kernel's trace, \
         {missed} runs missed; {hold}"
    );
    assert!(unlocks >= 2 * CGROUPS);
    // The kernel may skip a program at the lock or at the unlock, and counts that.
    assert!(holds <= unlocks && unlocks - holds <= missed);
    let ns = |figure: &str| hold[figure].as_u64().unwrap();
    assert!(ns("p50_ns") <= ns("p99_ns") && ns("p99_ns") <= ns("max_ns"));
    assert!(ns("max_ns") <= ns("hold_ns_total"));
    assert_eq!(hold["holders"], serde_json::json!([]), "nobody has it now");
    drop(judge);
}
