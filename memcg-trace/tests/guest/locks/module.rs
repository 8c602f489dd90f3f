//! Cases that need a module: deadlocks of two locks, a lock whose owner is lost, waiters queued
//! behind a frozen task. All of it exists at the same time, and one answer must tell the cases
//! apart.
#![expect(
    unsafe_code,
    reason = "unshare(2) of the file table has no safe face; it is used for a second reader"
)]

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use rustix::fs::OFlags;
use rustix::thread::{UnshareFlags, unshare_unsafe};
use serde_json::Value;

use super::lock_module::{FILE, Taker};
use crate::host::{Cgroup, Folder, eventually};
use crate::tool;

/// Tasks that are queued behind one holder.
const IN_LINE: u64 = 50;
/// Tasks of a chain, each of which waits for the one before.
const IN_CHAIN: u64 = 8;

/// One answer, as users get it.
struct Answer {
    items: Vec<Value>,
    judged_waits: u64,
}

fn tids(tasks: &Value) -> Vec<u32> {
    let tasks = tasks.as_array().unwrap().iter();
    let tids = tasks.map(|task| u32::try_from(task["tid"].as_u64().unwrap()).unwrap());
    let mut tids: Vec<_> = tids.collect();
    tids.sort_unstable();
    tids
}

impl Answer {
    fn now() -> Self {
        let output = tool::run(&["locks", "--json", "--min-wait", "10ms"]);
        assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
        let document: Value = serde_json::from_str(tool::stdout(&output)).unwrap();
        let data = &document["data"];
        assert_eq!(data["not_checked"], Value::Array(Vec::new()));
        let answer = Self {
            items: data["items"].as_array().unwrap().clone(),
            judged_waits: data["summary"]["judged_waits"].as_u64().unwrap(),
        };
        println!("{} waits judged", answer.judged_waits);
        for item in &answer.items {
            if let Some(sentence) = item["sentence"].as_str() {
                println!("{}: {sentence} {}", item["state"], item["missing"]);
            } else if let Some(verdict) = item["verdict"].as_str() {
                println!(
                    "{verdict}: {} at {}[{}] with {} behind it: {}",
                    item["resource"]["name"],
                    item["root"]["comm"],
                    item["root"]["tid"],
                    item["waiters"],
                    item["why"]
                );
            }
        }
        answer
    }

    /// Members of the deadlocks in a state, sorted.
    fn deadlocks(&self, state: &str) -> Vec<Vec<u32>> {
        let those = self.items.iter().filter(|item| item["state"] == state);
        let those = those.filter(|item| item.get("cycle_id").is_some());
        let mut members: Vec<_> = those.map(|item| tids(&item["members"])).collect();
        members.sort();
        members
    }

    fn deadlock_of(&self, tid: u32) -> &Value {
        let mut items = self.items.iter();
        let is_it =
            |item: &&Value| item["members"].is_array() && tids(&item["members"]).contains(&tid);
        items
            .find(is_it)
            .unwrap_or_else(|| panic!("{tid} is in none"))
    }

    /// The convoys with this root; `None` selects those without one.
    fn convoys(&self, root: Option<u32>) -> Vec<&Value> {
        let convoys = self
            .items
            .iter()
            .filter(|item| item.get("verdict").is_some());
        convoys
            .filter(|one| one["root"]["tid"].as_u64() == root.map(u64::from))
            .collect()
    }

    fn check(&self, root: Option<u32>, verdict: &str, why: &str, waiters: u64) {
        let convoys = self.convoys(root);
        assert_eq!(convoys.len(), 1, "{root:?}: {convoys:?}");
        let convoy = convoys[0];
        assert_eq!(convoy["verdict"], verdict, "{convoy}");
        assert!(convoy["why"].as_str().unwrap().contains(why), "{convoy}");
        assert_eq!(convoy["waiters"], waiters, "{convoy}");
    }
}

/// Two tasks that take two locks each, in the two orders.
fn two(first: [&str; 2], second: [&str; 2]) -> [Taker; 2] {
    let mut takers = [Taker::with(&first[..1]), Taker::with(&second[..1])];
    takers[0].want(first[1]);
    takers[1].want(second[1]);
    takers
}

fn members(takers: &[Taker; 2]) -> Vec<u32> {
    let mut members = takers.each_ref().map(Taker::tid);
    members.sort_unstable();
    members.to_vec()
}

/// Takes a lock of the module, and gives it back.
fn take(lock: &str) {
    let mut file = File::options().write(true).open(FILE).unwrap();
    file.write_all(lock.as_bytes()).unwrap();
}

/// Threads of ours that sleep in the kernel for a mutex.
fn threads_at_a_mutex() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    let stacks = threads.map(|thread| fs::read_to_string(thread.path().join("stack")));
    let at_one = |stack: &String| stack.contains("locks_write");
    stacks.flatten().filter(at_one).count()
}

/// A frozen process that has a lock.
struct Frozen {
    cgroup: Cgroup,
    holder: Taker,
    waiter: Taker,
}

impl Frozen {
    fn new() -> Self {
        let cgroup = Cgroup::new("frozen");
        let holder = Taker::with(&["m4"]);
        cgroup.set("cgroup.procs", &holder.tid().to_string());
        cgroup.set("cgroup.freeze", "1");
        eventually("it is frozen", || {
            let events = cgroup.get("cgroup.events");
            if events.contains("frozen 1") {
                Ok(())
            } else {
                Err(events)
            }
        });
        let mut waiter = Taker::with(&[]);
        waiter.want("m4");
        Self {
            cgroup,
            holder,
            waiter,
        }
    }
}

/// A full pipe. Its writer has a mutex, and of the two threads that could read the pipe, which
/// share a file table with nobody else, one wants that mutex.
struct TwoReaders {
    writer: Taker,
    /// The threads that could read the pipe.
    threads: [u32; 2],
    reading: JoinHandle<()>,
    /// Ends the other reader.
    other: Sender<()>,
}

impl TwoReaders {
    fn new(folder: &Folder) -> Self {
        let fifo = folder.file("fifo");
        let made = Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        let mut writer = Taker::with(&["m20"]);
        let (other, idles) = mpsc::channel::<()>();
        let (go, goes) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let path = fifo.clone();
        let reading = thread::spawn(move || {
            // SAFETY: no other thread uses a descriptor that this one opens or closes, and it
            // closes none of theirs.
            unsafe { unshare_unsafe(UnshareFlags::FILES) }.unwrap();
            let pipe = full(&path);
            let idler = thread::spawn({
                let tell = tell.clone();
                move || {
                    tell.send(own_tid()).unwrap();
                    let _ = idles.recv();
                }
            });
            tell.send(own_tid()).unwrap();
            goes.recv().unwrap();
            take("m20");
            drop(pipe);
            idler.join().unwrap();
        });
        let [one, two] = [told.recv().unwrap(), told.recv().unwrap()];
        writer.want(&fifo);
        go.send(()).unwrap();
        Self {
            writer,
            threads: [one, two],
            reading,
            other,
        }
    }

    /// Ends the reader that waits for nothing; returns the other one.
    fn end_other(&self) -> u32 {
        self.other.send(()).unwrap();
        eventually("one of two readers", || {
            let is_there = |tid: &u32| Path::new(&format!("/proc/self/task/{tid}")).exists();
            let left: Vec<_> = self.threads.iter().copied().filter(is_there).collect();
            match left[..] {
                [one] => Ok(one),
                _ => Err(format!("{left:?}")),
            }
        })
    }
}

fn own_tid() -> u32 {
    u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap()
}

/// Opens a named pipe and fills it.
fn full(path: &str) -> File {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
    let mut options = File::options();
    let pipe = options
        .read(true)
        .write(true)
        .custom_flags(flags)
        .open(path);
    let mut pipe = pipe.unwrap();
    while pipe.write(&[0; 4096]).is_ok() {}
    pipe
}

#[test]
fn two_locks_in_two_orders_and_lines_behind_one() {
    let folder = Folder::new("two");
    let mutexes = two(["m0", "m1"], ["m1", "m0"]);
    let rwsems = two(["w0", "w1"], ["w1", "w0"]);
    let by_a_reader = two(["r2", "m2"], ["m2", "w2"]);

    let mut orphan = Taker::with(&["m3"]);
    let mut orphaned = [Taker::with(&[]), Taker::with(&[])];
    orphaned.iter_mut().for_each(|one| one.want("m3"));
    orphan.take("c3");

    let frozen = Frozen::new();

    // First, since its file table is a copy, which keeps descriptors open that others close.
    let readers = TwoReaders::new(&folder);
    let first = Taker::with(&["m5", "sleep"]);
    let line: Vec<_> = (0..IN_LINE).map(|_| thread::spawn(|| take("m5"))).collect();
    let living = Taker::with(&["m6", "sleep"]);
    let mut chain = Vec::new();
    for at in 7..7 + IN_CHAIN {
        let mut next = Taker::with(&[&format!("m{at}")]);
        next.want(&format!("m{}", at - 1));
        chain.push(next);
    }
    eventually("all are in line", || {
        let threads = threads_at_a_mutex();
        match threads as u64 == IN_LINE + 1 {
            true => Ok(()),
            false => Err(format!("{threads} threads wait")),
        }
    });

    let answer = Answer::now();
    let mut proven = vec![members(&mutexes), members(&rwsems)];
    proven.sort();
    assert_eq!(answer.deadlocks("confirmed"), proven);
    assert_eq!(answer.deadlocks("suspected"), [members(&by_a_reader)]);
    let suspected = answer.deadlock_of(by_a_reader[0].tid());
    let missing = suspected["missing"].to_string();
    assert!(missing.contains("is a guess"), "{missing}");
    assert!(
        missing.contains("the last reader need not be the one"),
        "{missing}"
    );
    answer.check(None, "orphaned", "it has no owner", 2);
    answer.check(Some(frozen.holder.tid()), "stuck_holder", "frozen", 1);
    answer.check(Some(first.tid()), "unknown", "sleeps in", IN_LINE);
    answer.check(Some(living.tid()), "unknown", "sleeps in", IN_CHAIN);
    // The thread that could drain the pipe is asleep, as far as the tool can know.
    let [one, two] = readers.threads;
    let root = [one, two]
        .into_iter()
        .find(|tid| !answer.convoys(Some(*tid)).is_empty());
    let root = root.unwrap();
    assert!(answer.judged_waits > IN_LINE + IN_CHAIN);

    // Without its second reader no task can drain the pipe.
    let reader = readers.end_other();
    assert_ne!(reader, root);
    let answer = Answer::now();
    let mut ring = vec![readers.writer.tid(), reader];
    ring.sort_unstable();
    proven.push(ring);
    proven.sort();
    assert_eq!(answer.deadlocks("confirmed"), proven);
    assert_eq!(answer.deadlocks("suspected"), [members(&by_a_reader)]);

    // Everything can be undone.
    drop((
        mutexes,
        rwsems,
        by_a_reader,
        orphan,
        orphaned,
        first,
        living,
        chain,
    ));
    let Frozen {
        cgroup,
        holder,
        waiter,
    } = frozen;
    cgroup.set("cgroup.freeze", "0");
    drop((holder, waiter));
    cgroup.remove();
    line.into_iter().for_each(|thread| thread.join().unwrap());
    let TwoReaders {
        writer, reading, ..
    } = readers;
    drop(writer);
    reading.join().unwrap();
    let answer = Answer::now();
    for state in ["confirmed", "suspected"] {
        assert_eq!(answer.deadlocks(state), Vec::<Vec<u32>>::new());
    }
    let unloaded = Command::new("rmmod").arg("locks").status();
    assert!(unloaded.unwrap().success());
}
