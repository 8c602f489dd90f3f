//! What was seen to begin, and whether it still goes on: after storms in which the tool was started,
//! stopped and left behind nothing may; and what does stays in sight.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::coredump::{Coredump, GENERATIONS, SHRINK};
use super::storm::asked;
use crate::contract::Record;
use crate::export::{Export, Frame};
use crate::fault::Missing;
use crate::host::{Cgroup, DEADLINE, Folder, Process};
use crate::lock::has_tracepoints;

/// Unless the kernel's command line asks for a long run.
const STARTS: u32 = 2;
const STOPPED: Duration = Duration::from_secs(2);
const REAL: Duration = Duration::from_secs(6);
/// What a long run has instead.
const LONG: (u32, Duration, Duration) = (10, Duration::from_secs(30), Duration::from_secs(60));
/// Snapshots without anything open that a storm has to end with.
const QUIET: u32 = 3;

fn sizes() -> (u32, Duration, Duration) {
    match asked() {
        Some(_) => LONG,
        None => (STARTS, STOPPED, REAL),
    }
}

/// Everybody in everybody's way: each piece of work is done by a process of its own.
struct Storm {
    shells: Vec<Process>,
}

impl Storm {
    fn start(folder: &Folder, squeezed: &Cgroup) -> Self {
        let file = folder.file("big");
        File::create(&file).unwrap().set_len(16 << 20).unwrap();
        let same = "/sys/fs/cgroup/spans-storm";
        let make = format!("mkdir {same}; rmdir {same}");
        let generations = Path::new(GENERATIONS).exists();
        let keep = match generations {
            true => format!("echo y >{GENERATIONS}"),
            false => format!("echo 1 >{SHRINK}"),
        };
        let procs = squeezed.dir().join("cgroup.procs");
        let read = format!(
            "echo 0 >{}; exec dd if={file} of=/dev/null bs=64k",
            procs.display()
        );
        let drop = "for i in 1 2 3 4 5 6 7 8 9; do test -e /tmp/none-$i-$$; done; \
                    echo 2 >/proc/sys/vm/drop_caches";
        let works = [&make, &make, &keep, &read, &read, drop, drop];
        let start = |work: &str| {
            // In a group of its own, so that all of it can be killed.
            let script = format!("renice -n 19 $$ >/dev/null; while :; do sh -c '{work}'; done");
            let mut command = Command::new("setsid");
            command.args(["/bin/sh", "-c", &script]);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            Process(command.spawn().unwrap())
        };
        Self {
            shells: works.into_iter().map(start).collect(),
        }
    }

    /// Kills it in the middle of what it does.
    fn end(&mut self) {
        for shell in &self.shells {
            let pid = i32::try_from(shell.0.id()).unwrap();
            let _ = kill_process_group(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
        self.shells.clear();
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.end();
    }
}

/// Spans that a snapshot has as going on.
fn open(frame: &Frame) -> Vec<String> {
    let waits = frame
        .of_kind("lock_wait")
        .map(|wait| format!("{:?}", wait.data));
    let stats = frame.of_kind("lock_stats");
    let holds = stats.flat_map(|lock| lock.data["holds"].as_array().into_iter().flatten());
    let holders = holds.flat_map(|hold| hold["holders"].as_array().unwrap());
    waits.chain(holders.map(ToString::to_string)).collect()
}

/// Findings of blocked shrinkers that were told and not taken back.
#[derive(Default)]
struct Told(BTreeSet<String>);

impl Told {
    fn hear(&mut self, frame: &Frame) {
        let found = frame.of_kind("finding");
        for one in found.filter(|one| one.data["kind"] == "blocked_shrinker") {
            let id = one.data["finding_id"].as_str().unwrap();
            match one.data["resolved"] == true {
                true => self.0.remove(id),
                false => self.0.insert(id.to_owned()),
            };
        }
    }
}

#[test]
fn a_storm_leaves_nothing_open() {
    let (starts, stopped, _) = sizes();
    let folder = Folder::new("spans");
    let squeezed = Cgroup::new("spans-squeezed");
    squeezed.set("memory.high", "2M");
    for start in 0..starts {
        let mut storm = Storm::start(&folder, &squeezed);
        let mut export = Export::start(&[]);
        if start % 2 == 1 {
            export.signal(Signal::STOP);
            thread::sleep(stopped);
            export.signal(Signal::CONT);
        }
        let (mut told, mut quiet) = (Told::default(), 0);
        for _ in 0..QUIET {
            told.hear(&export.next());
        }
        storm.end();
        let begin = Instant::now();
        while quiet < QUIET {
            let frame = export.next();
            told.hear(&frame);
            let open = open(&frame);
            let is_quiet = open.is_empty() && told.0.is_empty();
            quiet = if is_quiet { quiet + 1 } else { 0 };
            let lost = frame.losses();
            assert!(
                begin.elapsed() < DEADLINE,
                "{open:#?} {:?}, lost {lost:?}",
                told.0
            );
            if quiet == QUIET {
                println!("start {start}: lost {lost:?}");
            }
        }
        export.stop();
    }
}

fn wait_of(frame: &Frame, comm: &str) -> Option<Record> {
    let mut waits = frame.of_kind("lock_wait");
    waits.find(|wait| wait.data["comm"] == comm).cloned()
}

/// One that waits for a file's lock, one for memory to stay as it is, and one that takes it away,
/// which runs all the time.
#[test]
fn real_spans_stay_in_sight() {
    let (_, _, real) = sizes();
    let mut export = Export::start(&[]);
    let folder = Folder::new("spans-real");
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    let [mut first, mut second] = [0, 1].map(|_| options.open(folder.file("log")).unwrap());
    let missing = Missing::new();
    let page = missing.page;
    let holder = thread::spawn(move || first.write_all(page).unwrap());
    missing.wait_for_reader();
    let waiter = thread::Builder::new().name("spans-waiter".into());
    let waiter = waiter
        .spawn(move || second.write_all(b"x").unwrap())
        .unwrap();
    let mut coredump = Coredump::but_for_the_reader();
    let (offliner, reader) = (
        coredump.offliner.as_ref().unwrap().0.id(),
        coredump.hotplug_reader.as_ref().map(|one| one.0.id()),
    );
    // Where there are no tracepoints, who waits for it is not always seen.
    let reader = reader.filter(|_| has_tracepoints());
    let in_sight = |frame: &Frame| -> Result<Vec<(u64, bool)>, String> {
        let mut spans = Vec::new();
        let span = |one: &serde_json::Value| {
            let unconfirmed = one["unconfirmed"].as_bool().unwrap();
            (one["since_ns"].as_u64().unwrap(), unconfirmed)
        };
        let wait = wait_of(frame, "spans-waiter").ok_or("no waiter")?;
        spans.push(span(&wait.data));
        if let Some(tid) = reader {
            let mut waits = frame.of_kind("lock_wait");
            let wait = waits.find(|wait| wait.data["tid"] == tid);
            spans.push(span(&wait.ok_or("no reader")?.data));
        }
        let mut locks = frame.of_kind("lock_stats");
        let lock = locks.find(|lock| lock.data["resource"]["name"] == "mem_hotplug_lock");
        let holds = lock.ok_or("no lock")?.data["holds"].as_array().unwrap();
        let holders = holds
            .iter()
            .flat_map(|hold| hold["holders"].as_array().unwrap());
        let mut holders = holders.filter(|one| one["tid"] == offliner);
        spans.push(span(holders.next().ok_or("no holder")?));
        Ok(spans)
    };
    let first = export.until("all of them", in_sight);
    let begin = Instant::now();
    let mut frames = 0;
    while begin.elapsed() < real {
        let frame = export.next();
        let spans = in_sight(&frame);
        assert_eq!(spans.as_ref(), Ok(&first), "{:#?}", frame.records);
        frames += 1;
    }
    println!("{first:?} in each of {frames} snapshots");
    assert!(first.iter().all(|(_, unconfirmed)| !unconfirmed));
    missing.give();
    coredump.undo();
    holder.join().unwrap();
    waiter.join().unwrap();
    let frame = export.until("their end", |frame| match open(frame) {
        open if open.is_empty() => Ok(frame.clone()),
        open => Err(format!("{open:#?}")),
    });
    let unseen = frame.losses();
    assert!(
        unseen.iter().all(|(place, _)| place != "unseen_ends"),
        "{unseen:?}"
    );
    export.stop();
    drop(fs::remove_file(folder.file("log")));
}
