//! Contention without a deadlock: cgroups that come and go, processes that move between cgroups,
//! memory blocks that go offline and online. Not one deadlock may be seen in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use memcg_trace::deadlock::{Rules, State, judge};
use memcg_trace::kernel::Subject;
use memcg_trace::sample::ask::Ask;
use memcg_trace::source::live::{Attach, Live, Options};
use rustix::process::setpriority_process;

use super::coredump::{GENERATIONS, SHRINK, spare_blocks};
use crate::host::{Cgroup, DEADLINE, Process, eventually, long_storm};

const RULES: Rules = Rules {
    min_wait_ns: 10_000_000,
};
/// The storm lasts until so many waits were judged, and each kind of task has done so much.
const LEAST_JUDGED: u64 = 300;
/// The same bound in a long run.
const LEAST_JUDGED_LONG: u64 = 10_000;
const LEAST_DONE: u64 = 10;
/// Tasks that make and remove cgroups, and those that move processes.
const MAKERS: usize = 16;
const MOVERS: usize = 4;
/// Tasks that read the state of a memory block, for each block, and tasks that take
/// `mem_hotplug_lock`.
const READERS: usize = 8;
const KEEPERS: usize = 8;
/// Nice value of all of them: the tool has priority.
const NICE: i32 = 19;

/// The shortest duration of the storm.
fn span() -> Duration {
    long_storm().unwrap_or_default()
}

fn least_judged() -> u64 {
    match long_storm() {
        Some(_) => LEAST_JUDGED_LONG,
        None => LEAST_JUDGED,
    }
}

/// Work in threads, until it is over.
#[derive(Debug)]
struct Storm {
    is_over: AtomicBool,
    /// Pieces of work done so far, by kind.
    made: AtomicU64,
    moved: AtomicU64,
    read: AtomicU64,
    kept: AtomicU64,
}

impl Storm {
    /// Returns whether all kinds of tasks have contended.
    fn is_one(&self) -> bool {
        let mut all = [&self.made, &self.moved, &self.read, &self.kept].into_iter();
        all.all(|done| done.load(Ordering::Relaxed) >= LEAST_DONE)
    }

    fn until_over(&self, count: &AtomicU64, mut work: impl FnMut() -> bool) {
        setpriority_process(None, NICE).unwrap();
        while !self.is_over.load(Ordering::Relaxed) {
            count.fetch_add(u64::from(work()), Ordering::Relaxed);
        }
    }

    fn make(&self, below: &Path, which: usize) {
        let path = below.join(format!("one-{which}"));
        self.until_over(&self.made, || {
            fs::create_dir(&path).unwrap();
            // A process that was moved there may still be exiting.
            eventually("rmdir", || {
                fs::remove_dir(&path).map_err(|error| error.to_string())
            });
            true
        });
    }

    /// Moves a process of its own back and forth; a new one each time.
    fn move_about(&self, to: &[PathBuf; 2]) {
        self.until_over(&self.moved, || {
            let sleep = Command::new("sleep")
                .arg("1000000")
                .stdin(Stdio::null())
                .spawn();
            let process = Process(sleep.unwrap());
            for cgroup in to {
                fs::write(cgroup.join("cgroup.procs"), process.0.id().to_string()).unwrap();
            }
            true
        });
    }

    /// Waits for the lock of a block's device.
    fn read(&self, block: &Path) {
        let online = block.join("online");
        self.until_over(&self.read, || fs::read(&online).is_ok());
    }

    /// Takes `mem_hotplug_lock`, and where that is possible `cgroup_mutex` before it.
    fn keep_memory(&self) {
        let has_generations = Path::new(GENERATIONS).exists();
        self.until_over(&self.kept, || {
            let written = match has_generations {
                true => fs::write(GENERATIONS, "y"),
                false => fs::write(SHRINK, "1"),
            };
            written.is_ok()
        });
    }
}

/// Offlines a memory block and onlines it again, until it is dropped: the kernel would try for ever
/// to move an immovable page, and only a signal ends that.
fn take_memory(block: &Path) -> Process {
    let script = "renice -n 19 $$ >/dev/null
while :; do echo offline >$0; echo online_movable >$0; done 2>/dev/null";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).arg(block.join("state"));
    Process(command.stdin(Stdio::null()).spawn().unwrap())
}

/// Ends the storm when dropped.
struct Calm<'a>(&'a AtomicBool);

impl Drop for Calm<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn nothing_is_confirmed_in_a_storm() {
    let storm = Storm {
        is_over: AtomicBool::new(false),
        made: AtomicU64::new(0),
        moved: AtomicU64::new(0),
        read: AtomicU64::new(0),
        kept: AtomicU64::new(0),
    };
    let cgroups = [Cgroup::new("storm-1"), Cgroup::new("storm-2")];
    let dirs = cgroups.each_ref().map(Cgroup::dir);
    let options = Options {
        subjects: &[Subject::Memcg],
        attach: Attach::Auto,
        address_names: true,
        debug: false,
        walk_budget: 0.0,
        state_files: false,
    };
    let mut live = Live::open(&options).unwrap_or_else(|why| panic!("{why}"));
    let (mut answers, mut judged, mut most) = (0_u64, 0, 0);
    let mut guesses = Vec::new();
    let mut confirmed = Vec::new();
    let mut open = Vec::new();
    let blocks = spare_blocks();
    let taking: Vec<_> = blocks.iter().map(|block| take_memory(block)).collect();
    thread::scope(|scope| {
        let mut threads: Vec<ScopedJoinHandle<'_, ()>> = Vec::new();
        for which in 0..MAKERS {
            let below = &dirs[which % 2];
            let storm = &storm;
            threads.push(scope.spawn(move || storm.make(below, which)));
        }
        for _ in 0..MOVERS {
            threads.push(scope.spawn(|| storm.move_about(&dirs)));
        }
        for block in &blocks {
            let storm = &storm;
            for _ in 0..READERS {
                threads.push(scope.spawn(move || storm.read(block)));
            }
        }
        for _ in 0..KEEPERS {
            threads.push(scope.spawn(|| storm.keep_memory()));
        }
        // Also if this test fails: the scope waits for the others.
        let calm = Calm(&storm.is_over);
        let begin = Instant::now();
        while judged < least_judged() || !storm.is_one() || begin.elapsed() < span() {
            assert!(
                begin.elapsed() < span() + DEADLINE,
                "only {judged} waits judged in {answers} answers: {storm:?}"
            );
            let answer = live.ask(&Ask::Locks);
            let answer = answer.unwrap_or_else(|why| panic!("{why:#}"));
            let waits = answer.waits.unwrap();
            // The rules of the program: the holder of every long wait is known.
            open.extend(judge(&waits, &Rules::default()).open_ends);
            let verdict = judge(&waits, &RULES);
            answers += 1;
            judged += verdict.judged_waits;
            most = most.max(verdict.judged_waits);
            for one in verdict.deadlocks {
                match one.state {
                    State::Suspected => guesses.push(one.sentence),
                    State::Confirmed | State::Resolved => confirmed.push(one.sentence),
                }
            }
        }
        drop((calm, taking));
        threads.into_iter().for_each(|one| one.join().unwrap());
    });
    assert_eq!(live.close(), Vec::<String>::new());
    for block in blocks {
        // Online already, or brought online now.
        let _ = fs::write(block.join("state"), "online_movable");
    }
    println!(
        "{judged} waits judged in {answers} answers, at most {most} in one; {} cgroups made, {} \
         processes moved, memory looked at {} times and kept {} times; {} guesses",
        storm.made.into_inner(),
        storm.moved.into_inner(),
        storm.read.into_inner(),
        storm.kept.into_inner(),
        guesses.len()
    );
    for guess in guesses.iter().take(3) {
        println!("a guess: {guess}");
    }
    assert_eq!(confirmed, Vec::<String>::new());
    assert!(open.is_empty(), "undecided: {open:#?}");
}
