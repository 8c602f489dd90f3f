//! From the package to an alert, in a Debian with systemd and Prometheus (`cargo xtask test --long`):
//! `docs/fleet/README.md` to the letter, the series of Prometheus against the newest snapshot, the
//! hardened unit, a real deadlock, and what a purge leaves.
//!
//! Runs in a guest of its own, which has the package in `/bin`, Debian's prometheus and lintian, and
//! memory blocks to offline.

mod document;
mod http;
mod package;
mod prometheus;
mod snapshots;
mod unit;

use std::collections::BTreeSet;
use std::path::Path;

use document::Document;
use prometheus::{alerts, query};
use snapshots::Snapshots;

use crate::host::{Cgroup, Process, eventually};
use crate::locks::Coredump;
use crate::npd;
use crate::userland;

/// How much slower than a host an emulated guest may be.
const SLOWER: u64 = 12;

/// One test, since each step stands on the one before.
#[test]
fn from_the_package_to_an_alert_and_back() {
    userland::wait_until_booted();
    let before = package::files();
    package::is_clean_for_lintian();

    let document = Document::read();
    println!("{}", document.run("install"));
    let said = document.run("scrape");
    println!("{said}");
    assert!(said.contains("SUCCESS"), "{said}");
    eventually("a first scrape", || {
        match prometheus::one("up{job=\"memcg-trace\"}")? {
            1.0 => Ok(()),
            other => Err(format!("up is {other}")),
        }
    });
    let said = document.run("ask");
    println!("{said}");
    assert!(said.contains("phase=\"pinned\""), "{said}");
    assert!(
        !said.contains("ALERTS"),
        "a healthy host has no alert: {said}"
    );
    package::promtool_finds_nothing_to_say();

    let root = Cgroup::new("fleet");
    let socket = zombie(root.child("job-1"));
    let live = root.child("live");
    live.run(
        "mkdir /run/fleet && cd /run/fleet && for i in $(seq 100); do >file-$i; done",
        &[],
    );
    let mut snapshots = Snapshots::default();
    let agreed = eventually("the same in Prometheus and in the snapshot", || {
        snapshots.agree(|seen| seen.zombies > 0.0 && seen.slab > 5 && seen.shares > 5)
    });
    println!("{agreed:?}");
    unit::runs_without_root();
    unit::has_all_subjects();

    deadlock(&mut snapshots);
    prometheus::has_scraped_for_two_minutes();

    // An alert that anybody can have.
    document.run("stop");
    eventually("an alert on a service that is stopped", || {
        let has = |(name, _): &(String, String)| name == "MemcgTraceStale";
        let all = alerts()?;
        all.iter()
            .any(has)
            .then_some(())
            .ok_or_else(|| format!("{all:?}"))
    });
    drop(socket);
    package::purge();
    let after = package::files();
    let left: BTreeSet<_> = after.difference(&before).collect();
    let known = "/etc/prometheus/memcg-trace.rules.yml";
    assert_eq!(left.into_iter().collect::<Vec<_>>(), [known]);
    assert_eq!(before.difference(&after).count(), 0);
}

/// Removes a cgroup whose socket is kept, by a process that has left; Debian's base has no netcat.
fn zombie(job: Cgroup) -> Process {
    const OPEN: &str = "/run/fleet-socket";
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/9090 && >{OPEN} && exec sleep 1000000");
    let holder = job.start("exec bash -c \"$1\"", &[&script]);
    eventually("a socket", || {
        let is_open = Path::new(OPEN).exists();
        is_open.then_some(()).ok_or_else(|| OPEN.to_owned())
    });
    holder.leave();
    job.remove();
    holder
}

/// The alert of a proven deadlock fires, and the plugin of node-problem-detector tells of it as well.
fn deadlock(snapshots: &mut Snapshots) {
    let mut coredump = Coredump::but_for_the_reader();
    coredump.go();
    eventually("the alert", || {
        let all = alerts()?;
        let is_firing = all
            .iter()
            .any(|(name, state)| name == "CgroupDeadlockProven" && state == "firing");
        is_firing.then_some(()).ok_or_else(|| format!("{all:?}"))
    });
    println!("alerts: {:?}", alerts());
    let agreed = eventually("the deadlock in Prometheus and in the snapshot", || {
        snapshots.agree(|seen| seen.proven == 1.0)
    });
    println!("{agreed:?}");
    eventually("the plugin's answer", || {
        let answer = npd::ask("CgroupDeadlock", SLOWER);
        answer.keeps_the_contract();
        match answer.code {
            Some(1) => Ok(()),
            _ => Err(format!("{answer:?}")),
        }
    });
    coredump.undo();
    eventually("the end of the deadlock", || {
        let proven = query("memcg_trace_deadlocks{state=\"confirmed\"}")?;
        match proven.first().map(|one| one.value) {
            Some(0.0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}
