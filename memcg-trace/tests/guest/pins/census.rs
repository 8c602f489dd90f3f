//! The list of all zombies, each once: those from before the start, and those that live through a
//! storm of others.

use std::fs;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use rustix::fs::inotify;
use rustix::net::AddressFamily;
use rustix::process::setpriority_process;
use serde_json::Value;

use super::ledger::{ledgers, zombies};
use super::sockets::new_socket;
use crate::host::{Cgroup, eventually, root_stat, use_every_cpu};
use crate::tool;

const MANY: usize = 200;
/// Cgroups that come and go in a storm.
const STORM: u64 = 50;

/// Makes an object that pins the current cgroup on every kernel.
pub fn keep(cgroup: &Cgroup, which: usize) -> OwnedFd {
    cgroup.inside(|| match which % 4 {
        0 => new_socket(AddressFamily::NETLINK),
        1 => new_socket(AddressFamily::UNIX),
        2 => new_socket(AddressFamily::INET),
        _ => inotify::init(inotify::CreateFlags::CLOEXEC).unwrap(),
    })
}

/// Zombies, by path and the inode of their directory, and the objects that keep them.
#[derive(Default)]
struct Kept {
    zombies: Vec<(String, u64)>,
    fds: Vec<OwnedFd>,
}

impl Kept {
    /// Makes zombies up to a number, below the cgroups in turn; every fifth one is below another
    /// zombie.
    fn fill(&mut self, parents: &[&Cgroup], number: usize) {
        for which in 0.. {
            if self.zombies.len() >= number {
                break;
            }
            let parent = parents[which % parents.len()];
            let cgroup = parent.child(&format!("z-{which}"));
            if which % 5 == 0 {
                let below = cgroup.child("below");
                self.fds.push(keep(&below, which / 5));
                self.zombies.push((below.path(), below.id()));
                below.remove();
            } else {
                self.fds.push(keep(&cgroup, which));
            }
            self.zombies.push((cgroup.path(), cgroup.id()));
            cgroup.remove();
        }
        self.zombies.sort();
    }
}

fn path_and_id(zombie: &Value) -> (String, u64) {
    let path = zombie["path"].as_str().unwrap().to_owned();
    (path, zombie["cgroup_id"].as_u64().unwrap())
}

/// The kernel's count: dead memory controllers where it has that, else dead directories, which are
/// the same as long as nobody switches the controller off.
fn dying() -> u64 {
    let memory = root_stat("nr_dying_subsys_memory");
    memory.unwrap_or_else(|| root_stat("nr_dying_descendants").unwrap())
}

/// Waits until so many are dead below a cgroup. Per-CPU stock can keep a memcg a zombie for a
/// while: charging `other`, which lives on, releases it.
fn wait_until_dying(parent: &Cgroup, number: usize, other: &Cgroup) {
    eventually("as many dead ones", || {
        use_every_cpu(other);
        let dying = parent.stat("cgroup.stat", "nr_dying_descendants").unwrap();
        if dying == number as u64 {
            Ok(())
        } else {
            Err(format!("{dying}, not {number}"))
        }
    });
}

/// All zombies, at a time when the kernel's own count did not change: a zombie of an earlier test
/// may go meanwhile.
fn settled() -> (Vec<Value>, Value, u64) {
    eventually("the kernel's count changes", || {
        let before = dying();
        let (records, summary) = zombies();
        match dying() {
            now if now == before => Ok((records, summary, now)),
            now => Err(format!("{before}, then {now}")),
        }
    })
}

/// Zombies below a cgroup, sorted.
fn below(path: &str, records: &[Value]) -> Vec<(String, u64)> {
    let all = records.iter().map(path_and_id);
    let mut found: Vec<_> = all.filter(|(one, _)| one.starts_with(path)).collect();
    found.sort();
    found
}

#[test]
fn two_hundred_from_before_the_start() {
    let top = Cgroup::new("mixed");
    let (left, right) = (top.child("left"), top.child("right"));
    let deep = right.child("deep");
    let mut kept = Kept::default();
    kept.fill(&[&left, &right, &deep, &top], MANY);
    let other = Cgroup::new("other");
    wait_until_dying(&top, kept.zombies.len(), &other);

    let (records, summary, number) = settled();
    assert_eq!(below("/mixed/", &records), kept.zombies);
    assert_eq!(records.len() as u64, number);
    assert_eq!(summary["zombies"], number);
    let of_phases = summary["by_phase"].as_object().unwrap().values();
    let of_phases: u64 = of_phases.map(|number| number.as_u64().unwrap()).sum();
    assert_eq!(of_phases, number);
    for record in &records {
        // The kernel may still be confirming the last ones dead.
        let refs = record["refs"].as_i64();
        assert!(
            record["phase"] != "pinned" || refs.is_some_and(|refs| refs > 0),
            "{record}"
        );
    }
    let mut all = ledgers(None);
    all.retain(|ledger| ledger.path().starts_with("/mixed/"));
    assert_eq!(all.len(), kept.zombies.len());
    let explained = all.iter().filter(|ledger| ledger.unexplained() == Some(0));
    println!("{} of {} explained", explained.count(), all.len());
    for (path, _) in &kept.zombies {
        assert!(all.iter().any(|ledger| ledger.path() == path), "{path}");
    }
    kept.fds.clear();
    wait_until_dying(&top, 0, &other);
}

/// A zombie is found by its path, its name, its css id, and the inode of its directory.
#[test]
fn a_zombie_is_found_by_any_name() {
    let top = Cgroup::new("mixed");
    let left = top.child("left");
    let mut kept = Kept::default();
    kept.fill(&[&left, &top], 12);
    let other = Cgroup::new("other");
    wait_until_dying(&top, kept.zombies.len(), &other);
    let (path, id) = &kept.zombies[0];
    let by_path = ledgers(Some(path));
    let css_id = format!("css:{}", by_path[0].css_id());
    for name in [&css_id, &format!("ino:{id}")] {
        let found = ledgers(Some(name));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path(), path);
        assert_eq!(found[0].cgroup_id(), *id);
    }
    // Several zombies are called `below`, none has the second path, and the third cgroup is live.
    for (name, parts) in [
        ("below", ["below", "css:"]),
        ("/mixed/left/z-00", ["/mixed/left/z-00", "z-0"]),
        ("/mixed/left", ["/mixed/left", "alive"]),
    ] {
        let output = tool::run(&["pins", name]);
        tool::assert_fails(&output, 1, &parts);
    }
    let output = tool::run(&["zombies", "--fail-on", "zombies=10"]);
    assert_eq!(output.status.code(), Some(4));
    let output = tool::run(&["zombies", "--fail-on", "zombies=100000"]);
    assert_eq!(output.status.code(), Some(0));
    kept.fds.clear();
    wait_until_dying(&top, 0, &other);
}

/// Ends a storm, also when a test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_storm_during_the_census() {
    let (steady, storm) = (Cgroup::new("steady"), Cgroup::new("storm"));
    storm.set("cgroup.subtree_control", "+memory");
    let live: Vec<_> = (0..20)
        .map(|which| steady.child(&format!("l-{which}")))
        .collect();
    let mut kept = Kept::default();
    kept.fill(&[&steady], 60);
    let other = Cgroup::new("other");
    wait_until_dying(&steady, kept.zombies.len(), &other);
    let made = AtomicU64::new(0);
    let ends = AtomicBool::new(false);
    let work = |which: u64| {
        // The tool has priority over the storm.
        setpriority_process(None, 19).unwrap();
        let mut at: u64 = 0;
        while !ends.load(Ordering::SeqCst) {
            // Deep cgroups, too: the walk may be at one that goes.
            let dir = storm.dir().join(format!("s-{which}-{at}"));
            fs::create_dir(&dir).unwrap();
            if at.is_multiple_of(3) {
                fs::write(dir.join("cgroup.subtree_control"), "+memory").unwrap();
                fs::create_dir(dir.join("below")).unwrap();
                fs::remove_dir(dir.join("below")).unwrap();
            }
            fs::remove_dir(&dir).unwrap();
            at += 1;
            made.fetch_add(1, Ordering::SeqCst);
        }
    };
    thread::scope(|scope| {
        for which in [0, 1] {
            scope.spawn(move || work(which));
        }
        let _end = Ends(&ends);
        // Two passes, and more until that was a storm.
        let mut looks = 0;
        while looks < 2 || made.load(Ordering::SeqCst) <= STORM {
            let (records, _) = zombies();
            assert_eq!(below("/steady/", &records), kept.zombies);
            looks += 1;
        }
        let output = tool::run(&["export", "-n", "3", "-i", "300ms"]);
        let records = tool::records(&output);
        for frame in 0..3 {
            for cgroup in &live {
                let path = cgroup.path();
                let found = records
                    .iter()
                    .filter(|record| record.frame == frame && record.is_of("memcg", &path));
                assert_eq!(found.count(), 1, "{path} in frame {frame}");
            }
        }
    });
    println!("{made:?} cgroups made and removed meanwhile");
    kept.fds.clear();
    wait_until_dying(&steady, 0, &other);
}
