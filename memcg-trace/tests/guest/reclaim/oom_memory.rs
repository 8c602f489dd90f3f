//! OOM kills explained: what the memory was, against the kernel's own report of the kill.

use std::process::Command;
use std::thread;

use crate::contract::Record;
use crate::export::Export;
use crate::host::{Cgroup, Folder, reparents_pages};

const MIB: u64 = 1 << 20;
/// Figures of the kernel's report, and ours.
const FIGURES: &[(&str, &str)] = &[
    ("anon", "anon_bytes"),
    ("file", "file_bytes"),
    ("kernel", "kernel_bytes"),
    ("kernel_stack", "kernel_stack_bytes"),
    ("pagetables", "pagetables_bytes"),
    ("sec_pagetables", "sec_pagetables_bytes"),
    ("percpu", "percpu_bytes"),
    ("sock", "sock_bytes"),
    ("vmalloc", "vmalloc_bytes"),
    ("shmem", "shmem_bytes"),
    ("zswap", "zswap_bytes"),
    ("hugetlb", "hugetlb_bytes"),
    ("file_dirty", "file_dirty_bytes"),
    ("file_writeback", "file_writeback_bytes"),
    ("swapcached", "swapcached_bytes"),
    ("unevictable", "unevictable_bytes"),
    ("slab_reclaimable", "slab_reclaimable_bytes"),
    ("slab_unreclaimable", "slab_unreclaimable_bytes"),
];
/// Changes that the kernel leaves out of its report on each CPU: it adds them up once 64 pages wait
/// on each, and a CPU counts 64 before it says so (mm/memcontrol.c: memcg_rstat_updated()).
const PENDING_PAGES: u64 = 128;

/// Pages that a CPU keeps on their way to the lists of a memcg (include/linux/pagevec.h:
/// PAGEVEC_SIZE).
const BATCH_PAGES: u64 = 31;

pub fn explained(export: &mut Export) {
    by_tmpfs(export);
    by_anonymous_memory(export);
    by_slab(export);
    by_the_limit_of_a_child(export);
    by_the_limit_of_a_parent(export);
    by_what_a_dead_child_left(export);
}

fn by_tmpfs(export: &mut Export) {
    let (cgroup, folder) = (limited("filled", "12M"), Folder::new("filled"));
    let file = folder.file("big");
    known(export, &cgroup);
    killed(
        &cgroup,
        "exec dd if=/dev/zero of=\"$1\" bs=64k count=1000",
        &[&file],
    );
    let found = told(export, &cgroup);
    assert_says(
        &found,
        &[
            "MiB shmem",
            &file,
            "only swap could take, and the host has none",
        ],
    );
    assert_is_most(&found, "shmem_bytes");
    let files = found.data["figures"]["shmem_files"][0].as_str().unwrap();
    assert!(files.starts_with(&format!("{file}: ")), "{files}");
    drop(folder);
    cgroup.remove();
}

fn by_anonymous_memory(export: &mut Export) {
    let cgroup = limited("grown", "12M");
    known(export, &cgroup);
    killed(
        &cgroup,
        "exec dd if=/dev/zero of=/dev/null bs=32M count=1",
        &[],
    );
    let found = told(export, &cgroup);
    assert_says(&found, &["MiB anonymous memory", "the host has none"]);
    assert_is_most(&found, "anon_bytes");
    let grew = found.data["figures"]["grew"][0].as_str().unwrap();
    assert!(grew.starts_with("/grown by "), "{grew}");
    cgroup.remove();
}

/// Files without contents of a file system in memory: nothing frees their inodes.
fn by_slab(export: &mut Export) {
    let (cgroup, folder) = (limited("named", "12M"), Folder::new("named"));
    known(export, &cgroup);
    let make = "i=0; while : > \"$1\"/$i; do i=$((i+1)); done; exec sleep 1000";
    killed(&cgroup, make, &[folder.path()]);
    let found = told(export, &cgroup);
    assert_says(
        &found,
        &[
            "MiB slab without shrinkers (shmem_inode_cache ",
            "slab that no shrinker frees",
        ],
    );
    assert_is_most(&found, "slab_unreclaimable_bytes");
    // The caches are counted after the kill, which frees none of these.
    let figures = &found.data["figures"];
    assert!(figures["top_caches_after_ns"].is_u64(), "{figures}");
    let first = figures["top_caches"][0].as_str().unwrap();
    let bytes = first.strip_prefix("shmem_inode_cache ").unwrap();
    let mib: f64 = bytes.strip_suffix(" MiB").unwrap().parse().unwrap();
    assert!(mib > 6.0, "{first}: {figures}");
    drop(folder);
    cgroup.remove();
}

fn by_the_limit_of_a_child(export: &mut Export) {
    let parent = limited("outer", "64M");
    let child = parent.child("inner");
    child.set("memory.max", "12M");
    known(export, &child);
    killed(
        &child,
        "exec dd if=/dev/zero of=/dev/null bs=32M count=1",
        &[],
    );
    let found = told(export, &child);
    assert_says(&found, &["since /outer/inner is at its memory.max"]);
    assert_is_most(&found, "anon_bytes");
    child.remove();
    parent.remove();
}

fn by_the_limit_of_a_parent(export: &mut Export) {
    let parent = limited("above", "12M");
    let child = parent.child("below");
    known(export, &child);
    killed(
        &child,
        "exec dd if=/dev/zero of=/dev/null bs=32M count=1",
        &[],
    );
    let found = told(export, &parent);
    assert_says(
        &found,
        &[
            " of /above/below, since /above is at its memory.max",
            "; /above/below below it had 1",
            "; what grew: /above/below by 1",
        ],
    );
    assert_is_most(&found, "anon_bytes");
    let children = found.data["figures"]["below"][0].as_str().unwrap();
    assert!(children.starts_with("/above/below 1"), "{children}");
    child.remove();
    parent.remove();
}

fn by_what_a_dead_child_left(export: &mut Export) {
    let (parent, folder) = (limited("bereaved", "12M"), Folder::new("left"));
    let (dead, heir) = (parent.child("dead"), parent.child("heir"));
    known(export, &dead);
    let file = folder.file("left");
    dead.run("exec dd if=/dev/zero of=\"$1\" bs=64k count=128", &[&file]);
    dead.remove();
    known_gone(export, "/bereaved/dead");
    killed(
        &heir,
        "exec dd if=/dev/zero of=/dev/null bs=32M count=1",
        &[],
    );
    let found = told(export, &parent);
    let left = match reparents_pages() {
        true => "; 1 removed cgroup had left it ",
        false => " charged to 1 removed cgroup below it",
    };
    assert_says(&found, &[left, "MiB shmem", &file, "MiB anonymous memory"]);
    let figures = &found.data["figures"];
    let figure = match reparents_pages() {
        true => "left_by_dead_bytes",
        false => "dead_below_bytes",
    };
    let told = figures[figure].as_u64().unwrap();
    let cpus = thread::available_parallelism().unwrap().get() as u64;
    let most = cpus * BATCH_PAGES * 4096;
    assert!(told.abs_diff(8 * MIB) <= most, "{figures}");
    assert_eq!(figures["dead_below"], u64::from(!reparents_pages()));
    drop(folder);
    heir.remove();
    parent.remove();
}

fn limited(name: &str, max: &str) -> Cgroup {
    let cgroup = Cgroup::new(name);
    cgroup.set("memory.max", max);
    cgroup
}

/// Waits for a walk that saw the cgroup: a kill is then told by its path.
fn known(export: &mut Export, cgroup: &Cgroup) {
    export.until("a walk has seen it", |frame| {
        frame.one("memcg", &cgroup.path()).map(drop)
    });
}

/// Waits until a walk has read what a removed cgroup has. One that is removed can be released.
fn known_gone(export: &mut Export, path: &str) {
    export.until("a walk has seen that it is dead", |frame| {
        let mut rows = frame.of_kind("memcg");
        let lives = rows.any(|row| row.is_of("memcg", path) && row.data["phase"].is_null());
        let mut zombies = frame.of_kind("zombie");
        let unread =
            zombies.any(|row| row.is_of("zombie", path) && row.data["lru_pages"].is_null());
        match lives || unread && !reparents_pages() {
            true => Err(format!("{path} lives, or was not read")),
            false => Ok(()),
        }
    });
}

fn killed(cgroup: &Cgroup, script: &str, arguments: &[&str]) {
    let status = cgroup.start(script, arguments).0.wait().unwrap();
    assert!(!status.success(), "it was not killed");
}

/// The finding about a kill for the limit of a cgroup, with figures that equal the kernel's report.
fn told(export: &mut Export, limit: &Cgroup) -> Record {
    let ours = |one: &&Record| {
        one.data["kind"] == "oom" && one.data["figures"]["limited_by_path"] == *limit.path()
    };
    // Each finding is reported once, so no snapshot may be skipped.
    let mut frames = (0..50).map(|_| export.next());
    let found = frames.find_map(|frame| frame.of_kind("finding").find(ours).cloned());
    let found = found.unwrap_or_else(|| panic!("no kill for {} was told", limit.path()));
    println!("{}", found.data["sentence"]);
    assert_equals_the_report(&found, &limit.path());
    found
}

fn assert_equals_the_report(found: &Record, path: &str) {
    let report = report(path);
    let figures = &found.data["figures"];
    let cpus = thread::available_parallelism().unwrap().get() as u64;
    let (mut compared, mut other) = (0, Vec::new());
    for (theirs, ours) in FIGURES {
        let kernel = report.iter().find(|(key, _)| key == theirs);
        let (Some((_, kernel)), Some(ours)) = (kernel, figures[ours].as_u64()) else {
            continue;
        };
        compared += 1;
        let most = PENDING_PAGES * cpus * 4096;
        assert!(
            ours.abs_diff(*kernel) <= most,
            "{theirs}: {ours}, kernel {kernel}: {figures}"
        );
        if ours != *kernel {
            other.push((theirs, ours, kernel));
        }
    }
    println!("{path}: {compared} figures compared, not equal: {other:?}");
    // 5.10 has no counters of kernel memory as such.
    assert!(compared >= 11, "{report:?} {figures}");
    // All of this is of the moment: no figure of the kernel is left out, and none is of later.
    let after_ns = figures["figures_after_ns"].as_u64().unwrap();
    assert!(after_ns < 60_000_000_000, "{figures}");
}

/// The figures of the last report about a cgroup.
fn report(path: &str) -> Vec<(String, u64)> {
    let log = Command::new("dmesg").output().unwrap().stdout;
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log
        .lines()
        .map(|line| line.rsplit_once("] ").map_or(line, |(_, text)| text))
        .collect();
    let head = format!("Memory cgroup stats for {path}:");
    let begin = lines.iter().rposition(|line| line.starts_with(&head));
    let begin = begin.unwrap_or_else(|| panic!("no report about {path}: {log}"));
    // On some kernels the first figure is in the line of the path.
    let first = lines[begin].strip_prefix(&head).unwrap_or_default();
    let figures = std::iter::once(first).chain(lines[begin + 1..].iter().copied());
    let figures = figures
        .skip_while(|line| line.is_empty())
        .map_while(|line| {
            let (key, value) = line.trim().split_once(' ')?;
            Some((key.to_owned(), value.trim().parse().ok()?))
        });
    figures.collect()
}

fn assert_says(found: &Record, words: &[&str]) {
    let sentence = found.data["sentence"].as_str().unwrap();
    for word in words {
        assert!(
            sentence.contains(word),
            "{word:?} is not in {sentence:?}: {found:?}"
        );
    }
}

/// Checks that a figure is more than half of the memory.
fn assert_is_most(found: &Record, figure: &str) {
    let figures = &found.data["figures"];
    let of = |figure: &str| figures[figure].as_u64();
    let usage = of("usage_bytes").unwrap();
    assert_eq!(figures["max_bytes"], 12 * MIB, "{figures}");
    // A CPU may have charged some pages in advance.
    assert!(usage > 11 * MIB && usage <= 12 * MIB, "{figures}");
    assert!(of(figure) > Some(usage / 2), "{figure}: {figures}");
    assert_eq!(figures["host_swap_bytes"], 0);
}
