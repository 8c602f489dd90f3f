//! The deadlock of four tasks, found by a tool that starts later, and by one that ran before.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Instant;

use memcg_trace::deadlock::{Rules, judge};
use memcg_trace::sample::waits::{EndsOn, Evidence, TaskScan, Waits};
use memcg_trace::sample::{Mode, ResourceKind};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::coredump::Coredump;
use super::look;
use crate::contract::Record;
use crate::export::Export;
use crate::host::{Cgroup, DEADLINE, Process, eventually, now_ns};
use crate::incidents;
use crate::serve;
use crate::terminal::Terminal;
use crate::tool;
use crate::traces::TRACING;

/// Returns whether both scans saw the dumper's page among those that the offliner tries to move:
/// the page is not on that list all the time.
fn both_saw_the_page(waits: &Waits, coredump: &Coredump) -> bool {
    let offliner = coredump.offliner.as_ref().unwrap().0.id();
    let dumper = coredump.dumper.0.id();
    let saw = |look: &TaskScan| {
        let mut tried = look::waits_of(look, offliner).into_iter();
        tried.any(|(_, _, holders)| holders.iter().any(|one| one.tid == dumper))
    };
    waits.looks.len() == 2 && waits.looks.iter().all(saw)
}

/// Checks the deadlock: each edge with its lock, page or pipe.
fn check(look: &TaskScan, coredump: &Coredump) {
    let offliner = coredump.offliner.as_ref().unwrap().0.id();
    let dumper = coredump.dumper.0.id();
    let is = |tasks: &[&memcg_trace::sample::waits::Task], tid: u32| {
        let tids: Vec<_> = tasks.iter().map(|task| task.tid).collect();
        assert_eq!(tids, [tid]);
    };

    // The kernel tries pages in turn, and some of them are unrelated.
    let mut tried = look::waits_of(look, offliner).into_iter();
    let tried = tried.find(|(_, _, holders)| holders.iter().any(|one| one.tid == dumper));
    let (wait, page, holders) = tried.unwrap();
    assert_eq!(page.kind, ResourceKind::PageRef);
    // The kernel names a page when it gives up on it for now, and at most ten in five seconds.
    eventually("the kernel cannot move that page either", || {
        let stuck = Coredump::stuck_pfns();
        match stuck.contains(&page.pfn.unwrap()) {
            true => Ok(()),
            false => Err(format!("the kernel cannot move {stuck:x?}")),
        }
    });
    assert_eq!(page.incomplete, None);
    assert_eq!(page.holders[0].evidence, Evidence::Inferred);
    assert!(wait.retry.is_some());
    assert_eq!(wait.ends_on, EndsOn::AnySignal);
    is(&holders, dumper);

    let (wait, pipe, holders) = look::wait_of(look, dumper);
    assert_eq!(pipe.kind, ResourceKind::Pipe);
    assert_eq!(pipe.ino, Some(coredump.pipe()));
    assert_eq!(pipe.holders[0].fd, Some(0));
    assert_eq!(pipe.incomplete, None);
    assert_eq!(wait.ends_on, EndsOn::Kill);
    is(&holders, coredump.reader);

    let last = match &coredump.hotplug_reader {
        Some(reader) => {
            let reader = reader.0.id();
            let (wait, mutex, holders) = look::wait_of(look, coredump.reader);
            assert_eq!(mutex.kind, ResourceKind::Mutex);
            assert_eq!(mutex.name.as_deref(), Some("cgroup_mutex"));
            assert_eq!(wait.evidence, Evidence::OwnerWord);
            assert_eq!(mutex.holders[0].evidence, Evidence::OwnerWord);
            is(&holders, reader);
            reader
        }
        None => coredump.reader,
    };
    let (wait, hotplug, holders) = look::wait_of(look, last);
    assert_eq!(hotplug.kind, ResourceKind::PercpuRwsem);
    assert_eq!(hotplug.name.as_deref(), Some("mem_hotplug_lock"));
    assert_eq!(wait.mode, Mode::Read);
    assert_eq!(hotplug.holders[0].mode, Mode::Write);
    assert_eq!(wait.evidence, Evidence::OwnerWord);
    assert_eq!(wait.ends_on, EndsOn::Nothing);
    is(&holders, offliner);
}

/// The deadlocks in the program's output, and its exit status. A proven one looks like itself.
fn deadlocks() -> (Option<i32>, Vec<Value>) {
    let begin = Instant::now();
    let output = tool::run(&["locks", "--json", "--fail-on", "deadlock"]);
    println!("locks answered in {:?}", begin.elapsed());
    let document: Value = serde_json::from_str(tool::stdout(&output)).unwrap();
    if output.status.code() == Some(4) {
        let known = look::known_bugs(&document["data"]);
        assert_eq!(known, ["coredump_hot_remove"]);
    }
    let items = document["data"]["items"].as_array().unwrap();
    let deadlocks = items.iter().filter(|item| item.get("cycle_id").is_some());
    (output.status.code(), deadlocks.cloned().collect())
}

/// The deadlock is confirmed, and its members are exactly those tasks. An answer may miss it if the
/// page was not on the offliner's list during its scans.
fn confirmed(coredump: &Coredump) {
    let found = eventually("a proof", || {
        let (status, found) = deadlocks();
        let is_confirmed = found.iter().any(|one| one["state"] == "confirmed");
        assert_eq!(status == Some(4), is_confirmed, "{found:?}");
        match is_confirmed {
            true => Ok(found),
            false => Err(format!("{found:?}")),
        }
    });
    assert_eq!(found.len(), 1, "{found:?}");
    println!("{}", found[0]["sentence"]);
    assert_eq!(found[0]["preexisting"], true);
    assert!(found[0]["close_ns"].is_null());
    are_members(&found[0], coredump);
}

/// Checks that the members are exactly those tasks.
fn are_members(deadlock: &Value, coredump: &Coredump) {
    let members = deadlock["members"].as_array().unwrap().iter();
    let mut members: Vec<_> = members.map(|task| task["tid"].as_u64().unwrap()).collect();
    members.sort_unstable();
    let processes = [Some(&coredump.dumper), coredump.offliner.as_ref()];
    let processes = processes
        .into_iter()
        .chain([coredump.hotplug_reader.as_ref()]);
    let mut expected: Vec<_> = processes.flatten().map(|one| one.0.id()).collect();
    expected.push(coredump.reader);
    expected.sort_unstable();
    let expected: Vec<_> = expected.into_iter().map(u64::from).collect();
    assert_eq!(members, expected);
}

/// Arms a kprobe by tracefs and removes it.
fn arm_a_kprobe() {
    let events = format!("{TRACING}/kprobe_events");
    let begin = Instant::now();
    fs::write(&events, "p:after/the_look do_migrate_range").unwrap_or_else(|_| {
        // The function may have another name, made by the compiler.
        fs::write(&events, "p:after/the_look offline_pages").unwrap();
    });
    let enable = format!("{TRACING}/events/after/the_look/enable");
    fs::write(&enable, "1").unwrap();
    fs::write(&enable, "0").unwrap();
    // Opening the list for writing empties it.
    fs::write(&events, "").unwrap();
    println!("a kprobe was armed and disarmed in {:?}", begin.elapsed());
}

/// Processes of the program that still run.
fn left() -> Vec<String> {
    let names = fs::read_dir("/proc").unwrap().flatten();
    let names = names.filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok());
    names.filter(|name| name.trim() == "memcg-trace").collect()
}

/// The record of a deadlock in a state; and all earlier records of traced waits.
fn until(watch: &mut Export, state: &str) -> (Record, Vec<Record>) {
    let begin = Instant::now();
    let mut waits = Vec::new();
    while begin.elapsed() < DEADLINE {
        let frame = watch.next();
        let traced = frame.of_kind("lock_wait");
        let traced: Vec<_> = traced
            .filter(|wait| wait.data["evidence"] == "traced")
            .cloned()
            .collect();
        waits.extend(traced);
        let mut deadlocks = frame.of_kind("deadlock");
        if let Some(deadlock) = deadlocks.find(|one| one.data["state"] == state) {
            return (deadlock.clone(), waits);
        }
    }
    panic!("no deadlock is {state}");
}

/// The deadlock closed while the tool ran, and the edges have start times.
fn seen_to_close(deadlock: &Record, begin_ns: u64) {
    let data = &deadlock.data;
    assert_eq!(data["preexisting"], false, "{data:#}");
    assert_eq!(data["confidence"], "full");
    let close_ns = deadlock.number("close_ns");
    let confirmed_ns = deadlock.number("confirmed_ns");
    assert!(close_ns >= begin_ns, "{close_ns}, {begin_ns}: {data:#}");
    assert!(close_ns < deadlock.number("candidate_ns"));
    assert!(deadlock.number("candidate_ns") <= confirmed_ns);
    println!(
        "closed, {} ms later a candidate, {} ms later confirmed",
        (deadlock.number("candidate_ns") - close_ns) / 1_000_000,
        (confirmed_ns - close_ns) / 1_000_000
    );
    for edge in data["edges"].as_array().unwrap() {
        println!(
            "{} -> {}: {} {}, {}, since {}, tried {}",
            edge["from"],
            edge["to"],
            edge["resource"]["kind"],
            edge["resource"]["name"],
            edge["evidence"],
            edge["since_ns"],
            edge["tries_total"]
        );
        let since_ns = edge["since_ns"].as_u64();
        match edge["resource"]["kind"].as_str().unwrap() {
            // Reads and writes of pipes are not hooked.
            "pipe" => assert_eq!((&edge["evidence"], since_ns), (&"owner_word".into(), None)),
            "page_ref" => {
                assert_eq!(edge["evidence"], "traced");
                assert!(edge["tries_total"].as_u64() > Some(1));
            }
            _ => assert_eq!(edge["evidence"], "traced"),
        }
        if edge["resource"]["kind"] != "pipe" {
            assert!((begin_ns..=close_ns).contains(&since_ns.unwrap()));
        }
    }
}

/// All tasks wait but the pipe's reader: it does something else.
fn not_while_the_reader_may_read(watch: &mut Export) {
    // Longer than the shortest wait that is judged.
    let enough_ns = now_ns() + 1_200_000_000;
    loop {
        let frame = watch.next();
        assert_eq!(frame.of_kind("deadlock").count(), 0, "{:#?}", frame.records);
        if frame.last().mono_ns > enough_ns {
            break;
        }
    }
}

#[test]
fn seen_by_who_was_there() {
    let args = [
        "locks",
        "--watch",
        "--json",
        "-i",
        "300ms",
        "--trace-acquisitions",
    ];
    let child = tool::command(&args).stdout(Stdio::piped()).spawn();
    let mut watch = Export::of(child.unwrap());
    watch.next();
    let mut screen = Terminal::start(&["live", "-i", "500ms"], 120, 30);
    screen.until("the dashboard", |lines| lines[0].starts_with("memcg-trace"));
    let begin_ns = now_ns();
    let mut coredump = Coredump::but_for_the_reader();
    not_while_the_reader_may_read(&mut watch);
    coredump.go();

    let (confirmed, waits) = until(&mut watch, "confirmed");
    are_members(&confirmed.data, &coredump);
    seen_to_close(&confirmed, begin_ns);
    let reader = waits.iter().find(|wait| {
        let name = &wait.data["resource"]["name"];
        name == "mem_hotplug_lock" && !wait.data["stack"].is_null()
    });
    let holder = &reader.unwrap().data["holders"][0];
    assert_eq!(holder["evidence"], "traced");
    let offliner = coredump.offliner.as_ref().unwrap().0.id();
    assert_eq!(holder["tid"], offliner);

    // The present owner of cgroup_mutex, and where it took the lock.
    if let Some(reader) = &coredump.hotplug_reader {
        let frame = watch.next();
        let mut locks = frame.of_kind("lock_stats");
        let lock = locks.find(|lock| lock.data["resource"]["name"] == "cgroup_mutex");
        let holder = &lock.unwrap().data["holds"][0]["holders"][0];
        println!("cgroup_mutex is held by {holder}");
        assert_eq!(holder["tid"], reader.0.id());
        let stack = holder["stack"].to_string();
        // A function of MGLRU, or of the test module, which was loaded after the tool started.
        let is_there = ["store", "locks_write"]
            .iter()
            .any(|one| stack.contains(one));
        assert!(is_there, "{stack}");
    }

    // The dashboard shows the deadlock too, and still ends on a signal.
    screen.until("the deadlock", |lines| {
        lines.iter().any(|line| line.contains("DEADLOCK"))
    });
    let pid = Pid::from_raw(i32::try_from(screen.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let begin = Instant::now();
    assert_eq!(screen.end(), Some(0));
    println!("live left in {:?}", begin.elapsed());
    assert_eq!(left().len(), 1, "only the one that watches is there");
    arm_a_kprobe();

    coredump.undo();
    let (resolved, _) = until(&mut watch, "resolved");
    assert_eq!(resolved.data["cycle_id"], confirmed.data["cycle_id"]);
    watch.stop();
    assert_eq!(left(), Vec::<String>::new());
}

/// Another task that has the pipe open and only sleeps: it may read later.
fn second_reader(coredump: &Coredump) -> Process {
    let pipe = File::open(format!("/proc/{}/fd/0", coredump.reader)).unwrap();
    let sleeper = Command::new("sleep").arg("1000000").stdin(pipe).spawn();
    Process(sleeper.unwrap())
}

fn not_while_somebody_else_can_read(coredump: &Coredump, sleeper: u32) {
    let waits = look::ask();
    for look in &waits.looks {
        let (_, pipe, readers) = look::wait_of(look, coredump.dumper.0.id());
        assert_eq!(pipe.incomplete, None);
        let mut readers: Vec<_> = readers.iter().map(|task| task.tid).collect();
        readers.sort_unstable();
        let mut expected = [coredump.reader, sleeper];
        expected.sort_unstable();
        assert_eq!(readers, expected);
        assert!(!look::waits(look, sleeper));
    }
    let verdict = judge(&waits, &Rules::default());
    println!("{} waits judged", verdict.judged_waits);
    assert!(verdict.judged_waits > 0);
    assert_eq!(verdict.deadlocks, []);
}

#[test]
fn seen_by_who_comes_later() {
    let zombie = Cgroup::new("zombie");
    let socket = zombie.into_zombie();
    let mut coredump = Coredump::but_for_the_reader();
    let sleeper = second_reader(&coredump);
    coredump.go();
    println!(
        "{} tasks stand",
        3 + usize::from(coredump.hotplug_reader.is_some())
    );
    not_while_somebody_else_can_read(&coredump, sleeper.0.id());
    drop(sleeper);

    let waits = eventually("two looks that see the page", || {
        let waits = look::ask();
        waits.looks.iter().for_each(look::show);
        match both_saw_the_page(&waits, &coredump) {
            true => Ok(waits),
            false => Err("they do not".to_owned()),
        }
    });
    assert_eq!(waits.not_checked, []);
    let [first, second] = &waits.looks[..] else {
        panic!("{} looks", waits.looks.len());
    };
    check(first, &coredump);
    check(second, &coredump);
    // Only the offliner ran between the two scans, and it never sleeps.
    let offliner = coredump.offliner.as_ref().unwrap().0.id();
    for task in first.tasks.iter().filter(|task| task.tid != offliner) {
        let again = second.tasks.iter().find(|again| again.addr == task.addr);
        if look::waits(first, task.tid) && look::waits(second, task.tid) {
            assert_eq!(task.switches, again.unwrap().switches, "{task:?}");
        }
    }

    confirmed(&coredump);
    serve::tells_of_the_deadlock();
    incidents::have_the_deadlock("/zombie");

    // A query about zombies is not blocked either, and leaves the machine as before.
    let begin = Instant::now();
    let output = tool::run(&["pins", "--json"]);
    println!("pins answered in {:?}", begin.elapsed());
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    arm_a_kprobe();

    // Records report the deadlock too, and its end.
    let mut export = Export::start(&[]);
    let (found, _) = until(&mut export, "confirmed");
    are_members(&found.data, &coredump);
    coredump.undo();
    let (resolved, _) = until(&mut export, "resolved");
    assert_eq!(resolved.data["cycle_id"], found.data["cycle_id"]);
    export.stop();
    drop(socket);
}
