//! Reclaim for limits: of memcgs themselves, of their parents, and on request.

use std::fs;

use super::{Disk, Setting, assert_pages, assert_pressure, assert_reclaims, of, sum};
use crate::export::Export;
use crate::host::Cgroup;

const GENERATIONS: &str = "/sys/kernel/mm/lru_gen/enabled";
/// Reads a file to its end, twice.
const READ: &str = "cat \"$1\" \"$1\" >/dev/null";

pub fn make_tasks_wait_and_take_pages(export: &mut Export, disk: &Disk) {
    let file = disk.file();
    let high = Cgroup::new("high");
    high.set("memory.high", "3M");
    let max = Cgroup::new("max");
    max.set("memory.max", "3M");
    let parent = Cgroup::new("squeezing");
    let squeezed = parent.child("squeezed");
    parent.set("memory.max", "4M");
    let asked = Cgroup::new("asked");

    high.run(READ, &[&file]);
    disk.forget();
    max.run(READ, &[&file]);
    disk.forget();
    squeezed.run(READ, &[&file]);
    disk.forget();
    asked.run(READ, &[&file]);
    let has_reclaim = asked.dir().join("memory.reclaim").exists();
    if has_reclaim {
        // The write fails if less than that was reclaimed.
        let _ = fs::write(asked.dir().join("memory.reclaim"), "4M");
    } else {
        asked.set("memory.high", "4M");
        asked.set("memory.high", "max");
    }
    fs::write("/proc/sys/vm/drop_caches", "2").unwrap();

    let frame = export.fresh();
    for cgroup in [&high, &max, &squeezed, &asked] {
        assert_pages(&frame, cgroup);
    }
    for (cgroup, cause) in [(&high, "high"), (&max, "max"), (&parent, "max")] {
        assert_reclaims(&frame, cgroup, cause);
    }

    // The row has the limit's memcg, the duration, and the waiting task.
    let row = of(&frame, "/squeezing/squeezed", Some("max"))
        .find(|row| row.number("stalls_total") > 0)
        .unwrap();
    assert_eq!(row.data["limited_by_path"], "/squeezing");
    let [p50, p99, max_ns] = ["p50_ns", "p99_ns", "max_ns"].map(|key| row.number(key));
    assert!(0 < p50 && p50 <= p99 && p99 <= max_ns, "{row:?}");
    assert!(row.number("stall_ns_total") >= max_ns);
    assert_eq!(row.data["worst_tasks"][0]["comm"], "cat");
    // Limit and usage come from another walk, which a sample may lack, and then reports as missing.
    let row = export.until("the limit of a memcg", |frame| {
        let row = of(frame, "/high", Some("high")).next().unwrap().clone();
        let is_walked = row.data["usage_bytes"].is_u64();
        let sections = &frame.last().data["sections"];
        is_walked.then_some(row).ok_or_else(|| sections.to_string())
    });
    assert_eq!(row.number("high_bytes"), 3 << 20);

    let cause = if has_reclaim { "proactive" } else { "high" };
    assert!(
        sum(&frame, "/asked", Some(cause), "reclaimed_pages_total") > 0,
        "{:#?}",
        frame.records
    );
    // Shrinkers are called for the same causes, and for drop_caches.
    for cause in ["high", "max", "drop_caches", cause] {
        let mut rows = frame.of_kind("shrinker");
        assert!(rows.any(|row| row.data["cause"] == cause), "{cause}");
    }
    let all_known = frame
        .of_kind("shrinker")
        .all(|row| row.data["cause"].is_string());
    assert!(all_known, "{:#?}", frame.records);
    assert_pressure(export, &max);
    lists_of_generations(export, disk);
}

/// The same tests with MGLRU, on kernels that have it and do not use it by default.
fn lists_of_generations(export: &mut Export, disk: &Disk) {
    if !fs::exists(GENERATIONS).unwrap() {
        return;
    }
    let generations = Setting::of(GENERATIONS);
    if generations.before.trim() != "0x0000" {
        return;
    }
    generations.set(7);
    let cgroup = Cgroup::new("generations");
    cgroup.set("memory.max", "3M");
    disk.forget();
    cgroup.run(READ, &[&disk.file()]);
    let frame = export.fresh();
    assert_pages(&frame, &cgroup);
    assert_reclaims(&frame, &cgroup, "max");
}
