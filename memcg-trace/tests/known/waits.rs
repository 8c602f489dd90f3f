//! Bugs that are seen in who waits for whom.

use memcg_trace::sample::waits::{Evidence, Run};
use memcg_trace::sample::{Mode, ResourceKind};

use super::fixture::waits::{Host, abba, answered, coredump, crowd, tries_again};
use super::{seen, seen_in};

const NONE: [&str; 0] = [];

fn coredump_without(edge: Option<u32>) -> Vec<&'static str> {
    seen(&[answered(0, coredump(edge).seen_twice(tries_again))])
}

#[test]
fn a_core_dump_and_hot_remove() {
    assert_eq!(coredump_without(None), ["coredump_hot_remove"]);
    for edge in 1..=4 {
        assert_eq!(coredump_without(Some(edge)), NONE, "without wait {edge}");
    }
    // The same waits, but the page is somebody else's, who only waits for the dumper.
    let mut other = coredump(None);
    let holder = other.task(300, "vmsplicer", 'D');
    other.look.resources[0].holders[0].task = holder;
    let dumps = other.lock(ResourceKind::Mutex, "inode.i_rwsem", 2);
    other.wait(holder, dumps);
    assert_eq!(seen(&[answered(0, other.seen_twice(tries_again))]), NONE);
}

/// A task that removes a cgroup, the init of a pid namespace in it, and a zombie.
pub fn reap() -> Host {
    let mut host = Host::default();
    let remover = host.task(10, "rmdir", 'D');
    let init = host.task(11, "init", 'S');
    let zombie = host.task(12, "sleep", 'Z');
    let dying = host.resource(ResourceKind::CgroupDrain, None);
    host.look.resources[dying as usize].of = Some("/x".into());
    host.held(dying, init, Evidence::OwnerWord);
    let others = host.resource(ResourceKind::PidNsDrain, None);
    host.held(others, zombie, Evidence::OwnerWord);
    let reaping = host.resource(ResourceKind::Reap, None);
    host.held(reaping, remover, Evidence::OwnerWord);
    host.wait(remover, dying).function = Some("cgroup_drain_dying".to_owned());
    host.wait(init, others).function = Some("zap_pid_ns_processes".to_owned());
    host.wait(zombie, reaping);
    host
}

#[test]
fn an_rmdir_that_has_to_reap() {
    assert_eq!(seen_in(reap()), ["rmdir_reap"]);
    for wait in 0..3 {
        let mut host = reap();
        host.look.waits.remove(wait);
        assert_eq!(seen_in(host), NONE, "without wait {wait}");
    }
    // Somebody else has to reap, and waits for the lock of the task in rmdir.
    let mut other = reap();
    let parent = other.task(20, "parent", 'D');
    other.look.resources[2].holders[0].task = parent;
    let lock = other.lock(ResourceKind::Rwsem, "inode.i_rwsem", 0);
    other.wait(parent, lock);
    assert_eq!(seen_in(other), NONE);
}

const DRAIN: &str = "cgroup_lock_and_drain_offline";

/// A worker in the item that frees a hierarchy, and the offline work that it waits for.
fn frees_a_hierarchy() -> Host {
    let mut host = Host::default();
    let worker = host.task(40, "kworker/0:1", 'D');
    host.look.tasks[worker as usize].kernel_thread = true;
    let work = host.resource(ResourceKind::Work, Some("the offline work of perf_event"));
    host.held(work, worker, Evidence::OwnerWord);
    host.wait(worker, work).function = Some(DRAIN.to_owned());
    host.stack(
        worker,
        "cgroup_lock_and_drain_offline+0x14c cgroup_destroy_root+0x3c css_free_rwork_fn+0x248 \
         process_one_work+0x16c",
    );
    host
}

#[test]
fn a_worker_that_waits_for_its_own_queue() {
    assert_eq!(seen_in(frees_a_hierarchy()), ["destroy_wq_full"]);
    // Another worker has the offline work, and runs.
    let mut other = frees_a_hierarchy();
    let runs = other.task(41, "kworker/1:1", 'R');
    other.look.tasks[runs as usize].kernel_thread = true;
    other.look.resources[0].holders[0].task = runs;
    assert_eq!(seen_in(other), NONE);
    // The same wait of another item.
    let mut elsewhere = frees_a_hierarchy();
    elsewhere.stacks[0] = vec!["cgroup_lock_and_drain_offline+0x14c".to_owned()];
    assert_eq!(seen_in(elsewhere), NONE);
}

/// A task that changes controllers, and the worker that has their offline work.
fn changes_controllers(state: char) -> (Host, u32, u32) {
    let mut host = Host::default();
    let changer = host.task(50, "systemd", 'D');
    let worker = host.task(51, "kworker/0:2", state);
    host.look.tasks[worker as usize].kernel_thread = true;
    let work = host.resource(ResourceKind::Work, Some("the offline work of pids"));
    host.held(work, worker, Evidence::OwnerWord);
    host.wait(changer, work).function = Some(DRAIN.to_owned());
    (host, changer, worker)
}

#[test]
fn a_change_of_controllers_behind_a_stuck_worker() {
    let (mut host, changer, worker) = changes_controllers('D');
    let lock = host.lock(ResourceKind::Mutex, "some_mutex", changer);
    host.wait(worker, lock);
    assert_eq!(seen_in(host), ["drain_offline"]);
    let (host, ..) = changes_controllers('R');
    assert_eq!(seen_in(host), NONE, "a worker that runs");
    let (mut host, ..) = changes_controllers('D');
    host.look.waits[0].function = Some("flush_work".to_owned());
    assert_eq!(seen_in(host), NONE, "another wait");
}

/// A task that drains the LRU batches, and the worker that does it on one CPU.
fn drains_lru(function: &str, on_cpu: bool, real_time: Option<u32>) -> Host {
    let mut host = Host::default();
    let drainer = host.task(60, "compact", 'D');
    let worker = host.task(61, "kworker/1:0", 'R');
    let hog = host.task(62, "hog", 'R');
    host.look.tasks[hog as usize].real_time = real_time;
    let task = &mut host.look.tasks[worker as usize];
    task.kernel_thread = true;
    task.run = Some(Run {
        cpu: 1,
        on_cpu,
        behind: (!on_cpu).then_some(hog),
        throttled_by: None,
    });
    let work = host.resource(ResourceKind::Work, Some("lru_add_drain_per_cpu"));
    host.held(work, worker, Evidence::OwnerWord);
    host.wait(drainer, work).function = Some("__flush_work".to_owned());
    let stack = format!("__flush_work+0x10 {function}+0x20 compact_nodes+0x5");
    host.stack(drainer, &stack);
    host
}

#[test]
fn a_drain_behind_a_cpu_without_time() {
    let drains = |function, on_cpu, real_time| seen_in(drains_lru(function, on_cpu, real_time));
    let (long, short) = ("__lru_add_drain_all", "lru_add_drain_all");
    assert_eq!(drains(long, false, Some(90)), ["lru_add_drain"]);
    assert_eq!(drains(short, false, Some(90)), ["lru_add_drain"]);
    assert_eq!(drains(long, true, Some(90)), NONE, "it runs");
    assert_eq!(drains(long, false, None), NONE, "its turn comes");
    assert_eq!(drains("drain_all_pages", false, Some(90)), NONE);
}

#[test]
fn other_deadlocks_and_convoys_look_like_none() {
    let abba = abba(ResourceKind::Mutex, Mode::Write, Evidence::OwnerWord);
    assert_eq!(seen_in(abba), NONE);
    assert_eq!(seen_in(crowd('D').0), NONE);
}

/// A deadlock that was and is gone is no likeness of now.
#[test]
fn what_is_resolved_looks_like_nothing() {
    let gone = [
        answered(0, reap().seen()),
        answered(2, Host::default().seen()),
    ];
    assert_eq!(seen(&gone), NONE);
}
