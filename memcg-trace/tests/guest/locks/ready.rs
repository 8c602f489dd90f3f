//! Holders of a lock that are ready to run and do not: a real-time task has their CPU, or their
//! cgroup has used up its time.
#![expect(
    unsafe_code,
    reason = "sched_setscheduler(2) and sched_setaffinity(2) of the C library"
)]

use std::fs;
use std::mem;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::lock_module::{self, Taker};
use super::look;
use crate::host::{Cgroup, Process, eventually, has_function};
use crate::tool::{self, Blind};

const RT_RUNTIME: &str = "/proc/sys/kernel/sched_rt_runtime_us";

/// Lets real-time tasks use all of a CPU's time, until it is dropped.
struct NoLimit(String);

impl NoLimit {
    fn new() -> Self {
        let before = fs::read_to_string(RT_RUNTIME).unwrap();
        fs::write(RT_RUNTIME, "-1").unwrap();
        Self(before)
    }
}

impl Drop for NoLimit {
    fn drop(&mut self) {
        let _ = fs::write(RT_RUNTIME, self.0.trim());
    }
}

/// Gives a task, or the caller (0), one CPU and a real-time priority.
fn be_real_time(tid: u32, cpu: usize, priority: i32) {
    // SAFETY: all zero is an empty set, and no priority.
    let (mut cpus, mut param): (libc::cpu_set_t, libc::sched_param) = unsafe { mem::zeroed() };
    // SAFETY: the set is large enough for the number.
    unsafe { libc::CPU_SET(cpu, &mut cpus) };
    param.sched_priority = priority;
    let tid = tid.cast_signed();
    // SAFETY: both live as long as the calls, which get their sizes.
    let outcome = unsafe {
        libc::sched_setaffinity(tid, size_of_val(&cpus), &raw const cpus)
            | libc::syscall(
                libc::SYS_sched_setscheduler,
                tid,
                libc::SCHED_FIFO,
                &raw const param,
            ) as i32
    };
    assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
}

/// Times for the hog to run and to sleep: threads of RCU need the CPU, too. Until 6.6 nothing
/// boosts them, grace periods stall, and a task that waits for one never ends.
const HOGS: Duration = Duration::from_secs(2);
const SLEEPS: Duration = Duration::from_millis(10);

/// A thread that uses a CPU nearly alone until it is dropped.
struct Hog {
    tid: u32,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hog {
    fn on(cpu: usize, priority: i32) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (tell, told) = mpsc::channel();
        let ends = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let tid = rustix::thread::gettid().as_raw_nonzero().get();
            tell.send(u32::try_from(tid).unwrap()).unwrap();
            be_real_time(0, cpu, priority);
            let mut begin = Instant::now();
            while !ends.load(Ordering::Relaxed) {
                if begin.elapsed() > HOGS {
                    thread::sleep(SLEEPS);
                    begin = Instant::now();
                }
            }
        });
        Self {
            tid: told.recv().unwrap(),
            is_over,
            thread: Some(thread),
        }
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The convoy behind a task.
fn convoy(root: u32) -> Result<Value, String> {
    let (data, code) = look::answer(&["--min-wait", "10ms"]);
    assert_eq!(code, Some(0), "{data:#}");
    let items = data["items"].as_array().unwrap();
    let mut convoys = items.iter().filter(|item| item["type"] == "convoy");
    let convoy = convoys.find(|one| one["root"]["tid"] == root);
    convoy.cloned().ok_or_else(|| format!("{data:#}"))
}

fn is_throttled(root: u32) {
    let throttled = eventually("a holder that is throttled", || {
        let convoy = convoy(root)?;
        let why = convoy["why"].as_str().unwrap();
        match why.contains("has used up its cpu.max") {
            true => Ok(convoy),
            false => Err(convoy.to_string()),
        }
    });
    println!("{throttled:#}");
    let why = throttled["why"].as_str().unwrap();
    assert!(why.contains("/throttled"), "{why}");
    assert_eq!(throttled["verdict"], "slow");
}

#[test]
fn a_holder_that_is_ready_to_run_and_does_not() {
    assert!(
        lock_module::is_built(),
        "a kernel without modules has none of these tests"
    );
    let mut holder = Taker::with(&["m30"]);
    let mut waiter = Taker::with(&[]);
    waiter.want("m30");
    let root = holder.tid();
    holder.spin();

    let cgroup = Cgroup::new("throttled");
    fs::write("/sys/fs/cgroup/cgroup.subtree_control", "+cpu").unwrap();
    cgroup.set("cpu.max", "1000 1000000");
    cgroup.set("cgroup.procs", &root.to_string());
    // Newer kernels throttle a task on its way to user space only, where it has no lock.
    if !has_function("throttle_cfs_rq_work") {
        is_throttled(root);
    }
    fs::write("/sys/fs/cgroup/cgroup.procs", root.to_string()).unwrap();
    cgroup.remove();
    fs::write("/sys/fs/cgroup/cgroup.subtree_control", "-cpu").unwrap();

    let spins = eventually("a holder that has its CPU", || {
        let convoy = convoy(root)?;
        let why = convoy["why"].as_str().unwrap();
        match why.contains("spins") || why == "its holder runs" {
            true => Ok(convoy),
            false => Err(convoy.to_string()),
        }
    });
    println!("{spins:#}");

    let no_limit = NoLimit::new();
    let hog = Hog::on(1, 90);
    // Mask 2 is CPU 1, the hog's.
    let pinned = Command::new("taskset")
        .args(["-p", "2", &root.to_string()])
        .status();
    assert!(pinned.unwrap().success());
    let kept_off = eventually("a holder that has no CPU", || {
        let convoy = convoy(root)?;
        let why = convoy["why"].as_str().unwrap();
        // The hog sleeps now and then, and a holder that ran in between is slow.
        let is_stuck = convoy["verdict"] == "stuck_holder";
        match is_stuck && why.contains("a real-time task of priority 90") {
            true => Ok(convoy),
            false => Err(convoy.to_string()),
        }
    });
    println!("{kept_off:#}");
    let why = kept_off["why"].as_str().unwrap();
    assert!(why.contains("ready to run, but CPU 1 has"), "{why}");
    assert!(why.contains(&format!("[{}]", hog.tid)), "{why}");
    let tasks = [fills_lru_batch(), drains_lru_batches()];
    eventually("a drain behind the CPU without time", || {
        let (data, _) = look::answer(&["--min-wait", "10ms"]);
        match look::known_bugs(&data)[..] {
            ["lru_add_drain"] => Ok(()),
            _ => Err(format!("{data:#}")),
        }
    });
    drop((hog, no_limit));
    drop(tasks);
    drop((holder, waiter));
}

/// A task that adds pages to files on CPU 1, whenever it has that CPU: they are in its LRU batch.
fn fills_lru_batch() -> Process {
    let script = "while :; do dd if=/dev/zero of=/tmp/batch bs=4096 count=3 2>/dev/null; done";
    // Mask 2 is CPU 1.
    let mut filler = Command::new("taskset");
    Process(filler.args(["2", "sh", "-c", script]).spawn().unwrap())
}

/// A task that drains the LRU batches of all CPUs, again and again.
fn drains_lru_batches() -> Process {
    let script = "while :; do echo 1 >/proc/sys/vm/compact_memory; done";
    let mut shell = Command::new("taskset");
    // Mask 1 is CPU 0.
    Process(shell.args(["1", "sh", "-c", script]).spawn().unwrap())
}

/// Ticks (USER_HZ) that a task has run in the kernel.
fn kernel_ticks(tid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{tid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').nth(12).unwrap().parse().unwrap()
}

/// Nothing that waits for RCU itself may run meanwhile; the program does not wait for RCU.
#[test]
fn a_grace_period_behind_a_real_time_task() {
    assert!(
        lock_module::is_built(),
        "a kernel without modules has none of these tests"
    );
    let blind = Blind::new(&tool::without_symbols(&["rcu_data"]));
    let mut waiter = Taker::with(&[]);
    let mut hog = Taker::with(&[]);
    let root = hog.tid();
    let no_limit = NoLimit::new();
    be_real_time(root, 1, 90);
    let before = kernel_ticks(root);
    hog.tell("k0");
    eventually("it has a CPU", || match kernel_ticks(root) - before {
        ticks @ ..10 => Err(format!("{ticks} ticks")),
        _ => Ok(()),
    });
    waiter.want("y0");
    // A percpu-ref stops counting by CPU after a grace period.
    let mut switcher = Taker::with(&[]);
    switcher.want("p0");
    let behind = eventually("grace periods behind it", || {
        let behind = convoy(root)?;
        match behind["waiters"].as_u64() {
            Some(2) => Ok(behind),
            _ => Err(behind.to_string()),
        }
    });
    println!("{behind:#}");
    assert_eq!(behind["resource"]["name"], "RCU");
    let why = behind["why"].as_str().unwrap();
    assert!(why.contains("spins") || why == "its holder runs", "{why}");
    // With the per-CPU data of RCU hidden, no task is known to block the grace period.
    let why = look::undecided_by(&blind);
    assert!(look::is_unread(&why), "{why:?}");
    drop((hog, no_limit));
    drop((waiter, switcher, blind));
}
