//! Reclaim, against the kernel's own figures of the same: memory.stat and memory.events.

use std::fs;
use std::process::Command;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::contract::Record;
use crate::export::{Export, Frame};
use crate::host::{Cgroup, Folder, eventually};
use crate::slab::assert_nothing_lost;
use crate::tool;

/// A RAM disk of 16 MiB.
const DISK: &str = "/dev/ram2";
/// More than any limit here.
const FILE_MIB: &str = "12";
/// Reads a file to its end, twice.
const READ: &str = "cat \"$1\" \"$1\" >/dev/null";
/// A CPU keeps so many pages to itself before it adds them to a memcg's figures
/// (include/linux/memcontrol.h: MEMCG_CHARGE_BATCH).
const UNFLUSHED_PAGES: u64 = 64;

/// A file on a disk, none of whose pages is in memory.
struct Disk {
    folder: Folder,
}

impl Disk {
    fn new() -> Self {
        let formatted = Command::new("mke2fs").args(["-q", DISK]).status();
        assert!(formatted.unwrap().success());
        let folder = Folder::new("reclaimed");
        mount(DISK, &folder.0, "ext4", MountFlags::empty(), None).unwrap();
        let disk = Self { folder };
        let (file, count) = (format!("of={}", disk.file()), format!("count={FILE_MIB}"));
        let written = Command::new("dd")
            .args(["if=/dev/zero", &file, "bs=1M", &count])
            .status();
        assert!(written.unwrap().success());
        disk.forget();
        disk
    }

    fn file(&self) -> String {
        self.folder.file("data")
    }

    fn forget(&self) {
        rustix::fs::sync();
        fs::write("/proc/sys/vm/drop_caches", "1").unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = unmount(&self.folder.0, UnmountFlags::DETACH);
    }
}

/// The sum of a figure over the rows of a memcg, and of a cause if there is one.
fn sum(frame: &Frame, path: &str, cause: Option<&str>, figure: &str) -> u64 {
    of(frame, path, cause).map(|row| row.number(figure)).sum()
}

fn of<'a>(
    frame: &'a Frame,
    path: &'a str,
    cause: Option<&'a str>,
) -> impl Iterator<Item = &'a Record> {
    frame
        .of_kind("reclaim")
        .filter(move |row| row.is_of("reclaim", path))
        .filter(move |row| cause.is_none_or(|cause| row.data["cause"] == cause))
}

/// How often a limit of a memcg made somebody reclaim.
fn reclaims_for(frame: &Frame, limit: &str, cause: &str) -> u64 {
    let rows = frame.of_kind("reclaim");
    rows.filter(|row| row.data["limited_by_path"] == limit && row.data["cause"] == cause)
        .map(|row| {
            let asleep = row.number("throttles_total");
            let runs = row.number("stalls_total") - asleep;
            // What kswapd does has no limit, so these are works of memory.high.
            runs + row.number("background_total")
        })
        .sum()
}

/// Pages of a memcg without children are those of its memory.stat, within what is not flushed.
fn assert_pages(frame: &Frame, cgroup: &Cgroup) {
    for (figure, key) in [
        ("scanned_pages_total", "pgscan"),
        ("reclaimed_pages_total", "pgsteal"),
    ] {
        let told = sum(frame, &cgroup.path(), None, figure);
        let kernel = cgroup.stat("memory.stat", key).unwrap();
        println!("{}: {figure} {told}, {key} {kernel}", cgroup.path());
        let slack = UNFLUSHED_PAGES.max(kernel / 50);
        assert!(told.abs_diff(kernel) <= slack, "{:#?}", frame.records);
        assert!(kernel > 0, "too little to be a test");
    }
    // By source, where the kernel has it.
    for cause in ["kswapd", "direct", "proactive"] {
        let ours: &[&str] = match cause {
            "direct" => &["direct", "high", "max"],
            cause => &[cause],
        };
        let key = format!("pgscan_{cause}");
        let Some(kernel) = cgroup.stat("memory.stat", &key) else {
            continue;
        };
        // Until 6.14 what a user asks for is counted as direct.
        let has_proactive = cgroup.stat("memory.stat", "pgscan_proactive").is_some();
        let ours = ours.iter().copied();
        let ours = ours.chain((cause == "direct" && !has_proactive).then_some("proactive"));
        let told: u64 = ours
            .map(|ours| sum(frame, &cgroup.path(), Some(ours), "scanned_pages_total"))
            .sum();
        let slack = UNFLUSHED_PAGES.max(kernel / 50);
        assert!(
            told.abs_diff(kernel) <= slack,
            "{key}: {told}, kernel {kernel}"
        );
    }
}

#[test]
fn limits_make_tasks_wait_and_take_pages() {
    let disk = Disk::new();
    let file = disk.file();
    let high = Cgroup::new("high");
    high.set("memory.high", "3M");
    let parent = Cgroup::new("squeezing");
    let squeezed = parent.child("squeezed");
    parent.set("memory.max", "4M");
    let asked = Cgroup::new("asked");
    let mut export = Export::start(&[]);

    high.run(READ, &[&file]);
    disk.forget();
    squeezed.run(READ, &[&file]);
    disk.forget();
    asked.run(READ, &[&file]);
    let has_reclaim = asked.dir().join("memory.reclaim").exists();
    if has_reclaim {
        // It says so if it got less than it was asked for.
        let _ = fs::write(asked.dir().join("memory.reclaim"), "4M");
    } else {
        asked.set("memory.high", "4M");
        asked.set("memory.high", "max");
    }
    fs::write("/proc/sys/vm/drop_caches", "2").unwrap();

    let frame = export.fresh();
    assert_nothing_lost(&frame);
    for cgroup in [&high, &squeezed, &asked] {
        assert_pages(&frame, cgroup);
    }
    let events = |cgroup: &Cgroup, key| cgroup.stat("memory.events", key).unwrap();
    let told = reclaims_for(&frame, "/high", "high");
    println!("/high: {told} reclaims for memory.high");
    assert_eq!(told, events(&high, "high"), "{:#?}", frame.records);
    let told = reclaims_for(&frame, "/squeezing", "max");
    println!("/squeezing: {told} reclaims for memory.max");
    assert_eq!(told, events(&parent, "max"), "{:#?}", frame.records);

    // Whose limit it is, how long it took, who waited.
    let row = of(&frame, "/squeezing/squeezed", Some("max"))
        .find(|row| row.number("stalls_total") > 0)
        .unwrap();
    assert_eq!(row.data["limited_by_path"], "/squeezing");
    let [p50, p99, max] = ["p50_ns", "p99_ns", "max_ns"].map(|key| row.number(key));
    assert!(0 < p50 && p50 <= p99 && p99 <= max, "{row:?}");
    assert!(row.number("stall_ns_total") >= max);
    assert_eq!(row.data["worst_tasks"][0]["comm"], "cat");
    assert!(row.data["psi_some_ns_total"].is_u64(), "{row:?}");
    let row = of(&frame, "/high", Some("high")).next().unwrap();
    assert_eq!(row.number("high_bytes"), 3 << 20);
    assert!(row.data["usage_bytes"].is_u64(), "{row:?}");

    let cause = if has_reclaim { "proactive" } else { "high" };
    assert!(
        sum(&frame, "/asked", Some(cause), "reclaimed_pages_total") > 0,
        "{:#?}",
        frame.records
    );
    // Shrinkers are called for the same causes, and by drop_caches.
    for cause in ["high", "max", "drop_caches", cause] {
        let mut rows = frame.of_kind("shrinker");
        assert!(rows.any(|row| row.data["cause"] == cause), "{cause}");
    }
    let all_known = frame
        .of_kind("shrinker")
        .all(|row| row.data["cause"].is_string());
    assert!(all_known, "{:#?}", frame.records);
    an_oom_kill(&mut export);
    export.stop();
}

/// A task that wants more than its cgroup may have.
fn an_oom_kill(export: &mut Export) {
    let cgroup = Cgroup::new("killed");
    cgroup.set("memory.max", "4M");
    // What is known of a cgroup at that moment is what the last walk saw.
    export.until("a walk has seen it", |frame| {
        let seen = frame.one("memcg", "/killed")?;
        match seen.data["max_bytes"].as_u64() {
            Some(bytes) if bytes == 4 << 20 => Ok(()),
            _ => Err(format!("{seen:?}")),
        }
    });
    let mut victim = cgroup.start("exec dd if=/dev/zero of=/dev/null bs=32M count=1", &[]);
    let (pid, status) = (victim.0.id(), victim.0.wait().unwrap());
    assert!(!status.success(), "it was not killed");
    assert_eq!(cgroup.stat("memory.events", "oom_kill"), Some(1));
    // Each finding is told once, so no snapshot may be passed over.
    let told = (0..50).find_map(|_| {
        let frame = export.next();
        let mut findings = frame.of_kind("finding");
        findings.find(|one| one.data["kind"] == "oom").cloned()
    });
    let told = told.unwrap_or_else(|| panic!("no finding"));
    println!("{}", told.data["sentence"]);
    assert_eq!(told.data["path"], "/killed", "{told:?}");
    assert_eq!(told.data["severity"], "critical");
    let figures = &told.data["figures"];
    assert_eq!(figures["victim_pid"], pid, "{told:?}");
    assert_eq!(figures["victim_comm"], "dd");
    assert_eq!(figures["limited_by_path"], "/killed");
    assert_eq!(figures["max_bytes"], 4 << 20);
    assert!(
        figures["slab_bytes"].is_u64() && figures["top_caches"].is_array(),
        "{told:?}"
    );
}

#[test]
fn twenty_sleepers_over_memory_high_lose_nothing() {
    const SLEEPERS: usize = 20;
    let cgroup = Cgroup::new("sleepers");
    let folder = Folder::new("sleepers");
    cgroup.set("memory.high", "1M");
    let report = folder.file("reclaim.json");
    let tool = tool::command(&["reclaim", "--duration", "8s", "--json", "-o", &report])
        .spawn()
        .unwrap();
    let mut tool = crate::host::Process(tool);
    eventually("it is attached", || {
        let list = fs::read_to_string("/sys/kernel/debug/kprobes/list").unwrap();
        match list.contains("psi_memstall_leave") {
            true => Ok(()),
            false => Err(list),
        }
    });
    let before = cgroup.stat("memory.events", "high").unwrap();
    // Pages of tmpfs that nothing can take away: each of them is over the limit, and sleeps.
    let writers: Vec<_> = (0..SLEEPERS)
        .map(|at| {
            let name = folder.file(&format!("{at}"));
            cgroup.start("dd if=/dev/zero of=\"$1\" bs=4k count=128 2>&-", &[&name])
        })
        .collect();
    assert!(tool.0.wait().unwrap().success());
    let after = cgroup.stat("memory.events", "high").unwrap();
    drop(writers);
    let text = fs::read_to_string(&report).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let data = &document["data"];
    let rows: Vec<_> = data["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["path"] == "/sleepers" && row["cause"] == "high")
        .collect();
    let total = |key: &str| -> u64 { rows.iter().map(|row| row[key].as_u64().unwrap()).sum() };
    let (stalls, sleeps) = (total("stalls_total"), total("throttles_total"));
    println!("{stalls} stalls, {sleeps} sleeps; memory.events high {before} to {after}");
    assert!(sleeps >= SLEEPERS as u64 / 2, "{rows:#?}");
    // The tool is gone a moment before the kernel's figure is read.
    let reclaims = stalls - sleeps + total("background_total");
    assert!(reclaims <= after - before, "{reclaims}");
    assert!(reclaims * 10 >= (after - before) * 8, "{reclaims}");
    for loss in data["losses"].as_array().unwrap() {
        let place = loss["where"].as_str().unwrap();
        assert!(
            place.starts_with("missed") || loss["lost_total"] == 0,
            "{loss}"
        );
    }
    for row in &rows {
        assert_eq!(row["limited_by_path"], "/sleepers", "{row}");
    }
}
