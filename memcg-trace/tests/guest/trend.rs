//! Cgroups that come and go: growing numbers of zombies are found, and what is reparented is
//! reported.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use rustix::net::AddressFamily;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::contract::{Document, Record};
use crate::export::{Export, Frame};
use crate::host::{Cgroup, Folder, Process, eventually, now_ns, reparents_pages, use_every_cpu};
use crate::pins::sockets::new_socket;
use crate::tool;

/// Clean loops are watched for more snapshots than slow growth needs to be found
/// (model/trend/growth.rs), and for so many rounds.
const WATCHED: usize = 7;
const ROUNDS: u64 = 10;
/// Growth by so many a snapshot is found in far fewer snapshots than these.
const MORE: usize = 5;
const SOON: usize = 20;

/// An export of the usual interval, after its first three walks.
fn start() -> Export {
    let child = tool::command(&["export", "-i", "1s"])
        .stdout(Stdio::piped())
        .spawn();
    let mut export = Export::of(child.unwrap());
    let first = export.next();
    assert_eq!(first.as_of_ns("finding"), None, "nothing can be found yet");
    eventually("three walks", || {
        export.next().as_of_ns("finding").ok_or_else(String::new)
    });
    export
}

fn findings(frame: &Frame) -> Vec<Record> {
    frame.of_kind("finding").cloned().collect()
}

/// A process starts in a cgroup and crashes, again and again; each cgroup is removed.
fn crash(parent: &Cgroup, number: u64) {
    let job = parent.child(&format!("job-{number}"));
    let status = job.start("exit 7", &[]).0.wait().unwrap();
    assert_eq!(status.code(), Some(7));
    job.remove();
}

/// Ends work, also when a test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Repeats `work` while frames are read.
fn during(work: impl Fn(u64) + Sync, look: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                work(number);
            }
        });
        let _ends = Ends(&is_over);
        look();
    });
}

#[test]
fn a_crash_loop_that_leaks_and_one_that_does_not() {
    let other = Cgroup::new("other");
    let dying = || crate::host::root_stat("nr_dying_descendants").unwrap();
    // Zombies of other tests may go late.
    let before = dying();
    // Dead before the start: nobody is known to have caused it.
    let old = Cgroup::new("old");
    let old_holders: Vec<Process> = (0..5)
        .map(|number| old.child(&format!("o{number}")).into_zombie())
        .collect();
    let (clean, leaky) = (Cgroup::new("clean"), Cgroup::new("leaky"));
    let mut export = start();

    let (mut most, mut watched) = (0, 0);
    let rounds = AtomicU64::new(0);
    during(
        |number| {
            crash(&clean, number);
            rounds.fetch_add(1, Ordering::SeqCst);
        },
        || {
            while watched < WATCHED || rounds.load(Ordering::SeqCst) < ROUNDS {
                let frame = export.next();
                assert!(findings(&frame).is_empty(), "{:?}", findings(&frame));
                most = most.max(frame.zombies());
                watched += 1;
            }
        },
    );
    println!("clean: {rounds:?} rounds, at most {most} zombies at a time");

    let (mut found, mut frames) = (None, 0);
    let begin_ns = now_ns();
    let mut holders = Vec::new();
    while found.is_none() && frames < SOON {
        // Each snapshot has more of them, however long an interval is; but not so many that the
        // finding is more than a warning.
        for which in 0..MORE {
            let job = leaky.child(&format!("job-{frames}-{which}"));
            holders.push(job.inside(|| new_socket(AddressFamily::NETLINK)));
            job.remove();
        }
        found = findings(&export.next()).pop();
        frames += 1;
    }
    let found = found.expect("no finding");
    println!(
        "leaky: {} zombies, found after {frames} snapshots and {} ns: {found:?}",
        holders.len(),
        found.mono_ns - begin_ns
    );
    let data = &found.data;
    assert_eq!(data["kind"], "zombie_growth");
    assert_eq!(data["severity"], "warn");
    assert_eq!(data["path"], "/leaky");
    assert_eq!(data["resolved"], false);
    let figure = |name: &str| data["figures"][name].as_u64().unwrap();
    assert!(figure("grown") >= 3 && figure("survivors") == figure("grown"));
    assert!(figure("births") >= figure("grown") && figure("deaths") >= figure("grown"));
    assert!(figure("own_cost_bytes") > 0);

    let id = data["finding_id"].clone();
    let resolved = eventually("it is over", || {
        let mut all = findings(&export.next());
        all.retain(|finding| finding.data["finding_id"] == id);
        let last = all.pop().filter(|last| last.data["resolved"] == true);
        last.ok_or_else(String::new)
    });
    println!("resolved: {:?}", resolved.data["sentence"]);
    export.stop();
    drop((holders, old_holders));
    eventually("all of them freed", || {
        use_every_cpu(&other);
        match dying() {
            dying if dying <= before => Ok(()),
            dying => Err(format!("{dying} are left")),
        }
    });
}

/// The pages of its lists, and the slab objects that are charged to it.
#[test]
fn what_goes_to_the_parent() {
    let reparents_lru = reparents_pages();
    let folder = Folder::new("reparented");
    let other = Cgroup::new("other");
    let parent = Cgroup::new("heir");
    let mut export = Export::start(&[]);
    let job = parent.child("job");
    job.run(
        "dd if=/dev/zero of=\"$1\"/pages bs=64k count=32 2>&-",
        &[folder.path()],
    );
    job.run(
        "i=0; while [ $i -lt 200 ]; do : > \"$1\"/f$i; i=$((i + 1)); done",
        &[folder.path()],
    );
    // The counters before the cgroup goes.
    let before = export.until("its slab", |frame| {
        let net = slab_net(frame, "/heir/job");
        if net >= 400 {
            Ok(net)
        } else {
            Err(format!("{net} objects"))
        }
    });
    let parent_shmem = || parent.stat("memory.stat", "shmem").unwrap();
    let shmem = parent_shmem();
    job.remove();
    let record = eventually("a reparent record", || {
        let frame = export.next();
        let mut all = frame.of_kind("reparent");
        let found = all.find(|record| record.path() == Some("/heir/job"));
        found.cloned().ok_or_else(|| "none".to_owned())
    });
    println!("{record:?}; {before} objects before");
    assert_eq!(record.data["to_path"], "/heir");
    assert_eq!(record.number("to_cgroup_id"), parent.id());
    let pages = record.number("lru_pages");
    if reparents_lru {
        // Some pages may be on their way to a list, on each of two CPUs.
        assert!((512 - 62..600).contains(&pages), "{pages}");
        assert_eq!(
            parent_shmem(),
            shmem,
            "the parent had them all along, below it"
        );
    } else {
        assert_eq!(pages, 0, "this kernel leaves them where they are");
    }
    let objects = record.number("slab_objects");
    assert!(
        objects.abs_diff(before) <= before / 4,
        "{objects} of {before}"
    );
    assert!(record.number("slab_bytes") > objects * 32);
    for _ in 0..3 {
        let again = export.next();
        let again = again
            .of_kind("reparent")
            .any(|one| one.path() == Some("/heir/job"));
        assert!(!again, "it is told once");
    }
    export.stop();
    drop(folder);
    use_every_cpu(&other);
}

/// Objects that were charged and not uncharged, as records say.
fn slab_net(frame: &Frame, path: &str) -> u64 {
    let rows = frame.of_kind("slab").filter(|row| row.path() == Some(path));
    let net = |row: &Record| {
        row.number("alloc_total")
            .saturating_sub(row.number("free_total"))
    };
    rows.map(net).sum()
}

/// A recording remembers memcgs that are gone, and `pins` reports their end.
#[test]
fn pins_of_one_that_is_gone() {
    let other = Cgroup::new("other");
    let folder = Folder::new("gone");
    let recording = folder.file("rec");
    let recorder = tool::command(&["record", &recording, "-i", "500ms"]).spawn();
    let mut recorder = Process(recorder.unwrap());
    let recorded = || {
        let output = tool::run(&["zombies", "--json", "--from", &recording]);
        // The first sample is enough to show.
        if output.status.success() && !output.stdout.is_empty() {
            Ok(Document::parse(tool::stdout(&output)).summary)
        } else {
            Err(tool::stderr(&output).to_owned())
        }
    };
    // From then on everything is attached.
    eventually("the first sample", recorded);
    let parent = Cgroup::new("heir");
    let job = parent.child("job");
    job.run(
        "dd if=/dev/zero of=\"$1\" bs=64k count=32 2>&-",
        &[&folder.file("pages")],
    );
    job.remove();
    let left = eventually("it is recorded", || {
        let summary = recorded()?;
        let mut left = summary["reparents"].as_array().unwrap().iter();
        let left = left.find(|one| one["path"] == "/heir/job");
        left.cloned().ok_or_else(|| summary.to_string())
    });
    println!("{left}");
    let pins = || tool::run(&["pins", "/heir/job", "--from", &recording]);
    if reparents_pages() {
        eventually("it is recorded as gone", || {
            use_every_cpu(&other);
            let output = pins();
            let said = tool::stderr(&output).to_owned();
            if output.status.success() || !said.contains("gone") {
                return Err(tool::stdout(&output).to_owned() + &said);
            }
            Ok(())
        });
    }
    let pid = Pid::from_child(&recorder.0);
    kill_process(pid, Signal::INT).unwrap();
    assert!(recorder.0.wait().unwrap().success());
    let output = pins();
    let said = tool::stderr(&output);
    if reparents_pages() {
        tool::assert_fails(
            &output,
            1,
            &["/heir/job", "gone", "pages", "reparented to /heir"],
        );
    } else {
        // Its pages pin it.
        assert!(!said.contains("reparented"), "{said}");
        assert_eq!(left["lru_pages"], Value::from(0));
    }
    drop(folder);
    use_every_cpu(&other);
}
