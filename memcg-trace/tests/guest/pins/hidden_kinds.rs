//! Kinds of open files that the tool cannot tell from others, since the address of their operations
//! is hidden. The kernel has such files all the same: what pins is not explained, and the kind is
//! among those that were not looked at.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::thread;

use rustix::thread::{UnshareFlags, gettid};
use serde_json::Value;

use super::dying::{cgroup_map, perf_event, put};
use super::fixture::Fixture;
use super::handed_over::{cgroup_file, tap};
use super::ledger::{Ledger, asked_without};
use super::sockets::unshare;
use super::tasks::{fanotify, watch};
use crate::host::{Cgroup, eventually, use_every_cpu};
use crate::tool;

/// The answer for a zombie with a symbol hidden, as soon as it is what is expected.
fn eventually_without(symbol: &str, path: &str, is_expected: impl Fn(&Ledger) -> bool) -> Ledger {
    let other = Cgroup::new("other");
    let script = tool::without_symbols(&[symbol]);
    eventually("a reference that is not explained", || {
        use_every_cpu(&other);
        let ledger = asked_without(&script, path)?;
        match is_expected(&ledger) {
            true => Ok(ledger),
            false => Err(format!("{ledger:?}")),
        }
    })
}

/// Whether a kind is named among those that were not looked at, with the symbol.
fn names(ledger: &Ledger, kind: &str, symbol: &str) -> bool {
    let is_it = |one: &Value| {
        let reason = one["reason"].as_str().unwrap();
        one["kind"] == kind && reason.contains(symbol)
    };
    ledger.not_checked().iter().any(is_it)
}

#[test]
fn that_pin() {
    let parent = Cgroup::new("hidden-kinds");
    for (make, symbol) in [
        (watch as fn(&Cgroup) -> Fixture, "inotify_fops"),
        (fanotify, "fanotify_fops"),
        (tap, "tun_fops"),
    ] {
        let fixture = make(&parent);
        let is_short = |ledger: &Ledger| ledger.unexplained() == Some(1);
        let ledger = eventually_without(symbol, &fixture.path, is_short);
        assert!(names(&ledger, fixture.kind, symbol), "{ledger:?}");
        let sentence = ledger.sentence();
        assert!(sentence.contains("could not be looked at"), "{sentence}");
        (fixture.follow)();
    }
}

/// Without their operations, sockets are found where they are allocated, and their holders by the
/// count of their files; those in queues are not.
#[test]
fn sockets() {
    let parent = Cgroup::new("hidden-sockets");
    let fixture = super::sockets::inet(&parent);
    let symbol = "socket_file_ops";
    let is_whole = |ledger: &Ledger| ledger.unexplained() == Some(0);
    let ledger = eventually_without(symbol, &fixture.path, is_whole);
    assert!(names(&ledger, "socket_inet", symbol), "{ledger:?}");
    for holder in ledger.holders("socket_inet") {
        assert_eq!(holder["pid"], std::process::id(), "{holder}");
    }
    (fixture.follow)();
}

/// A namespace that a thread made in a cgroup, and whose only trace is a descriptor.
fn namespace(parent: &Cgroup) -> (Cgroup, File) {
    let cgroup = parent.child("namespace");
    let open = || {
        unshare(UnshareFlags::NEWCGROUP);
        let tid = gettid().as_raw_nonzero();
        File::open(format!("/proc/self/task/{tid}/ns/cgroup"))
    };
    let file = cgroup.inside(|| thread::scope(|scope| scope.spawn(open).join().unwrap()));
    cgroup.remove();
    (cgroup, file.unwrap())
}

#[test]
fn of_namespaces() {
    let parent = Cgroup::new("hidden-namespaces");
    let (cgroup, file) = namespace(&parent);
    says_what_is_hidden(&cgroup.path(), "ns_file_operations");
    drop(file);
    let fixture = cgroup_file(&parent);
    says_what_is_hidden(&fixture.path, "kernfs_file_fops");
    (fixture.follow)();
}

/// The css_set has a holder that was not found, and the symbol is named.
fn says_what_is_hidden(path: &str, symbol: &str) {
    let of_css_set = |ledger: &Ledger| ledger.holders("css_set").next().cloned();
    let ledger = eventually_without(symbol, path, |ledger| of_css_set(ledger).is_some());
    let held = &of_css_set(&ledger).unwrap()["held"];
    assert!(held["found"].as_u64() < held["refs"].as_u64(), "{held}");
    assert!(held["not_checked"].to_string().contains(symbol), "{held}");
}

/// What keeps a cgroup whose memory cgroup is gone.
#[test]
fn of_dead_cgroups() {
    let parent = Cgroup::new("hidden-keepers");
    let map = cgroup_map();
    let keep = |what: &str| -> (Cgroup, Option<OwnedFd>) {
        let cgroup = parent.child(what);
        let dir = File::open(cgroup.dir()).unwrap();
        let event = (what == "event").then(|| perf_event(&dir));
        if event.is_none() {
            put(&map, 0, &dir);
        }
        drop(dir);
        cgroup.remove();
        (cgroup, event)
    };
    let (of_event, event) = keep("event");
    let is_of_event = |ledger: &Ledger| ledger.kinds() == [("controller_css", 1)];
    let ledger = eventually_without("perf_fops", &of_event.path(), is_of_event);
    let holder = ledger.holders("controller_css").next().unwrap();
    assert!(holder["pid"].is_null(), "{holder}");
    let held = holder["held"].to_string();
    assert!(held.contains("perf_fops"), "{holder}");
    let (in_map, _) = keep("map");
    let is_of_map = |ledger: &Ledger| ledger.unexplained() == Some(1);
    let ledger = eventually_without("bpf_map_fops", &in_map.path(), is_of_map);
    assert!(names(&ledger, "bpf_map", "bpf_map_fops"), "{ledger:?}");
    drop((event, map));
    eventually("they are released", || {
        match parent.stat("cgroup.stat", "nr_dying_descendants") {
            Some(0) => Ok(()),
            dying => Err(format!("{dying:?} are dying")),
        }
    });
}
