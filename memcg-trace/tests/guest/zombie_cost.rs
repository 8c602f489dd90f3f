//! Costs of dead memory cgroups, against the kernel's counts of its own functions.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::export::{Export, Frame};
use crate::host::{
    Cgroup, Folder, directories, eventually, has_function, reparents_pages, root_stat,
};
use crate::traces::TRACING;

const ZOMBIES: u64 = 20;
const PAGE: u64 = 4096;

/// A kprobe made in tracefs, which counts its hits in `kprobe_profile`.
struct Hits(&'static str);

impl Hits {
    fn start(function: &'static str) -> Self {
        let hits = Self(function);
        hits.event(&format!("p:tax/{function} {function}"));
        hits.enable("1");
        hits
    }

    fn event(&self, line: &str) {
        let file = Path::new(TRACING).join("kprobe_events");
        let mut file = OpenOptions::new().append(true).open(file).unwrap();
        writeln!(file, "{line}").unwrap();
    }

    fn enable(&self, value: &str) {
        let file = format!("{TRACING}/events/tax/{}/enable", self.0);
        fs::write(file, value).unwrap();
    }

    fn stop(self) -> u64 {
        self.enable("0");
        let profile = fs::read_to_string(format!("{TRACING}/kprobe_profile")).unwrap();
        let line = profile
            .lines()
            .find(|line| line.split_whitespace().next() == Some(self.0))
            .unwrap();
        let figures: Vec<u64> = line
            .split_whitespace()
            .skip(1)
            .map(|figure| figure.parse().unwrap())
            .collect();
        assert_eq!(figures[1], 0, "misses: {line}");
        figures[0]
    }
}

impl Drop for Hits {
    fn drop(&mut self) {
        self.enable("0");
        self.event(&format!("-:tax/{}", self.0));
    }
}

fn tax(frame: &Frame) -> &Value {
    let mut records = frame.records.iter();
    &records.find(|record| record.kind == "tax").unwrap().data
}

fn figure(frame: &Frame, key: &str) -> u64 {
    tax(frame)[key].as_u64().unwrap()
}

/// Checks the growth of a figure against the kernel's counts around it, a lower and an upper bound.
fn bracket(export: &mut Export, function: &'static str, key: &str, work: impl FnOnce()) {
    let outside = figure(&export.fresh(), key);
    let hits = Hits::start(function);
    let inside = figure(&export.fresh(), key);
    work();
    let least = figure(&export.fresh(), key) - inside;
    let hits = hits.stop();
    let most = figure(&export.fresh(), key) - outside;
    println!("{function}: {least} <= {hits} <= {most}");
    assert!(least > 0 && least <= hits && hits <= most);
}

fn drop_slab() {
    fs::write("/proc/sys/vm/drop_caches", "2").unwrap();
}

/// Visits of reclaim to memcgs, and to dead ones.
fn visits(export: &mut Export, work: impl FnOnce()) -> (u64, u64) {
    let before = export.fresh();
    work();
    let after = export.fresh();
    let grown = |key| figure(&after, key) - figure(&before, key);
    (
        grown("reclaim_visits_total"),
        grown("dead_reclaim_visits_total"),
    )
}

/// Both tests in one start of the tool.
#[test]
fn what_the_dead_cost_is_what_the_kernel_does_for_them() {
    let mut export = Export::start(&[]);
    reclaim_passes_the_dead(&mut export);
    flushes_add_up_the_dead(&mut export);
    export.stop();
}

/// Visits while no memcg is made, dies or is freed: those of earlier tests may be freed meanwhile.
fn settled_visits(export: &mut Export) -> (u64, u64, u64, u64) {
    let count = || {
        let dying = root_stat("nr_dying_descendants").unwrap();
        (directories() as u64 + dying, dying)
    };
    eventually("memcgs come or go", || {
        let (memcgs, dying) = count();
        let (all, dead) = visits(export, drop_slab);
        match count() {
            now if now == (memcgs, dying) => Ok((all, dead, memcgs, dying)),
            now => Err(format!("{:?}, then {now:?}", (memcgs, dying))),
        }
    })
}

fn reclaim_passes_the_dead(export: &mut Export) {
    let parent = Cgroup::new("passed");
    let (all, dead, _, dying) = settled_visits(export);
    assert!(all > 0);
    assert!(dead == 0 || dying > 0, "nobody is dead");

    let sockets: Vec<_> = (0..ZOMBIES)
        .map(|which| parent.child(&format!("z-{which}")).into_zombie())
        .collect();
    eventually("they are dead", || {
        match parent.stat("cgroup.stat", "nr_dying_descendants").unwrap() {
            ZOMBIES => Ok(()),
            dying => Err(dying.to_string()),
        }
    });
    let (all, dead, memcgs, dying) = settled_visits(export);
    println!("{dead} of {all} visits were to one of {ZOMBIES} of {memcgs}");
    // Each pass visits each of them once.
    assert!(dead > 0);
    assert_eq!(dead * memcgs, all * dying);
    bracket(export, "shrink_slab", "reclaim_visits_total", drop_slab);

    // Each dead memcg is known once a walk has reached it.
    let (frame, cost) = export.until("what they cost", |frame| {
        let cost = tax(frame)["own_cost_bytes"].as_u64();
        let is_all = tax(frame)["zombies"] == root_stat("nr_dying_descendants").unwrap();
        let cost = cost.filter(|_| is_all);
        cost.map(|cost| (frame.clone(), cost))
            .ok_or_else(|| tax(frame).to_string())
    });
    let mut zombies = frame
        .records
        .iter()
        .filter(|record| record.kind == "zombie");
    let sum = zombies.try_fold(0, |sum, zombie| {
        Some(sum + zombie.data["own_cost_bytes"].as_u64()?)
    });
    assert_eq!(sum, Some(cost));
    drop(sockets);
}

fn flushes_add_up_the_dead(export: &mut Export) {
    if !has_function("mem_cgroup_css_rstat_flush") {
        let frame = export.fresh();
        for key in ["flushes_total", "dead_flushes_total", "dead_flush_ns_total"] {
            assert!(tax(&frame)[key].is_null(), "{}", tax(&frame));
        }
        return;
    }
    // The kernel itself flushes changes every two seconds.
    let other = Cgroup::new("changing");
    bracket(
        export,
        "mem_cgroup_css_rstat_flush",
        "flushes_total",
        || {
            eventually("somebody flushes", || {
                let changed = other.stat("memory.stat", "file").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(300));
                other.run(
                    "dd if=/dev/zero of=/dev/shm/changing bs=4k count=600 2>&-",
                    &[],
                );
                match other.stat("memory.stat", "file").unwrap() {
                    now if now != changed => Ok(()),
                    same => Err(same.to_string()),
                }
            });
        },
    );
    fs::remove_file("/dev/shm/changing").unwrap();

    // On newer kernels the statistics of a dead memcg change no more, except at its very end.
    if reparents_pages() {
        println!("{}", tax(&export.fresh()));
        return;
    }
    let folder = Folder::new("flushed");
    let (name, pages) = (folder.file("shrinking"), 4000);
    let cgroup = Cgroup::new("flushed");
    let file = File::create(&name).unwrap();
    cgroup.inside(|| (&file).write_all(&vec![1; pages * 4096]).unwrap());
    cgroup.remove();
    let before = figure(&export.fresh(), "dead_flushes_total");
    let mut left = pages as u64;
    let grown = export.until("a dead one is flushed", |frame| {
        // Freed pages change its statistics; there are enough for a minute of snapshots.
        left = left.saturating_sub(20);
        file.set_len(left * PAGE).unwrap();
        match figure(frame, "dead_flushes_total") - before {
            0 => Err("none was".to_owned()),
            grown => Ok(grown),
        }
    });
    let frame = export.fresh();
    println!("{grown} flushes of a dead one: {}", tax(&frame));
    let measured = figure(&frame, "dead_flush_ns_total") > 0;
    assert!(measured || figure(&frame, "dead_flushes_unmeasured_total") > 0);
}
