//! Real spans, which are shown from start to end.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use super::open;
use crate::contract::Record;
use crate::export::{Export, Frame};
use crate::fault::Missing;
use crate::host::{Cgroup, DEADLINE, Folder, eventually, long_storm};
use crate::lock::has_tracepoints;
use crate::locks::coredump::Coredump;

/// The duration of the spans, in a short run and in a long one.
const REAL: [Duration; 2] = [Duration::from_secs(6), Duration::from_secs(60)];
/// Sleeps over memory.high that must be seen: each is a span of its own.
const SLEEPS: usize = 2;

fn wait_of(frame: &Frame, comm: &str) -> Option<Record> {
    let mut waits = frame.of_kind("lock_wait");
    waits.find(|wait| wait.data["comm"] == comm).cloned()
}

/// Start times of sleeps over memory.high in a cgroup.
fn sleeps_over_high(frame: &Frame, path: &str) -> Vec<u64> {
    let rows = frame
        .of_kind("reclaim")
        .filter(|row| row.path() == Some(path));
    let stalls = rows.flat_map(|row| row.data["stalled_now"].as_array().unwrap());
    let asleep = stalls.filter(|stall| stall["is_throttled"] == true);
    asleep
        .map(|stall| stall["since_ns"].as_u64().unwrap())
        .collect()
}

/// Returns whether a task holds a page for a core dump that another task waits for.
fn holds_a_page(frame: &Frame, tid: u32) -> bool {
    let waits = frame.of_kind("lock_wait");
    let of_pages = waits.filter(|wait| wait.data["function"] == "offline_pages");
    let mut holders = of_pages.flat_map(|wait| wait.data["holders"].as_array().unwrap());
    holders.any(|holder| holder["tid"] == tid && holder["evidence"] == "traced")
}

/// One task waits for a file's lock, one for `mem_hotplug_lock`, one offlines memory, which runs
/// all the time, one dumps core, and one sleeps over memory.high again and again.
#[test]
fn real_spans_stay_in_sight() {
    let [short, long] = REAL;
    let real = long_storm().map_or(short, |_| long);
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
    // Before a task is stuck with the lock that making a cgroup takes.
    let high = Cgroup::new("spans-high");
    high.set("memory.high", "1M");
    let greedy = high.start("x=$(dd if=/dev/zero bs=1M count=64 | tr '\\0' x)", &[]);
    eventually("it is there", || match high.get("cgroup.procs") {
        nobody if nobody.is_empty() => Err(nobody),
        _ => Ok(()),
    });
    let mut coredump = Coredump::but_for_the_reader();
    let (offliner, reader) = (
        coredump.offliner.as_ref().unwrap().0.id(),
        coredump.hotplug_reader.as_ref().map(|one| one.0.id()),
    );
    // Without tracepoints, a wait for it is not always seen.
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
    let (mut frames, mut sleeps, mut has_dump) = (0, BTreeSet::new(), false);
    while begin.elapsed() < real || sleeps.len() < SLEEPS || !has_dump {
        let frame = export.next();
        assert!(
            begin.elapsed() < DEADLINE,
            "{sleeps:?} {:#?}",
            frame.records
        );
        sleeps.extend(sleeps_over_high(&frame, "/spans-high"));
        has_dump |= holds_a_page(&frame, coredump.dumper.0.id());
        let spans = in_sight(&frame);
        assert_eq!(spans.as_ref(), Ok(&first), "{:#?}", frame.records);
        frames += 1;
    }
    println!("{first:?} in each of {frames} snapshots");
    assert!(first.iter().all(|(_, unconfirmed)| !unconfirmed));
    println!("{} sleeps over memory.high", sleeps.len());
    drop(greedy);
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
