//! Hooks that verbs attach by default: kprobes at entries of rarely called functions, and raw
//! tracepoints.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::host::{Folder, eventually, kernel};
use crate::terminal::Terminal;
use crate::tool;
use crate::traces::TRACING;

/// Functions that a busy host calls all the time.
const HOT: &[&str] = &[
    "mutex_lock",
    "mutex_lock_killable",
    "mutex_lock_interruptible",
    "mutex_trylock",
    "mutex_unlock",
    "down_read",
    "down_write",
    "up_read",
    "up_write",
    "__percpu_down_read",
    "dump_emit",
    "pipe_read",
    "pipe_write",
    "anon_pipe_read",
    "anon_pipe_write",
    "schedule",
    "__schedule",
    "try_to_wake_up",
];
/// `BPF_PROG_TYPE_KPROBE`, `_RAW_TRACEPOINT` and `_TRACING` (include/uapi/linux/bpf.h).
const KPROBE: u32 = 2;
const RAW_TRACEPOINT: u32 = 17;
const TRACING_PROGRAM: u32 = 26;
/// `BPF_PROG_TYPE_SOCKET_FILTER`, `_TRACEPOINT`: loaded for a moment to learn what the kernel
/// supports, never attached.
const TRIED: [u32; 2] = [1, 5];

/// Everything attached at one moment.
#[derive(Debug, Default)]
struct Attached {
    kprobes: BTreeSet<String>,
    returns: BTreeSet<String>,
    functions: BTreeSet<String>,
    program_types: BTreeSet<u32>,
    /// The most programs and links that a process had at once.
    programs: usize,
    links: usize,
}

impl Attached {
    /// Adds what is attached now, and the programs of a process.
    fn add(&mut self, pid: u32) {
        // The name without the suffix of the compiler.
        let base = |place: &str| place.split(['+', '.', ' ']).next().unwrap().to_owned();
        let probes = fs::read_to_string("/sys/kernel/debug/kprobes/list").unwrap();
        for line in probes.lines() {
            let mut words = line.split_whitespace().skip(1);
            let (kind, place) = (words.next().unwrap(), words.next().unwrap());
            if kind == "k" {
                self.kprobes.insert(base(place));
            } else {
                self.returns.insert(base(place));
            }
        }
        let functions = fs::read_to_string(format!("{TRACING}/enabled_functions")).unwrap();
        self.functions.extend(functions.lines().map(base));
        let files = fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter();
        let (mut programs, mut links) = (BTreeSet::new(), BTreeSet::new());
        for file in files.flatten().flatten() {
            let info = fs::read_to_string(file.path()).unwrap_or_default();
            let kinds = info
                .lines()
                .filter_map(|line| line.strip_prefix("prog_type:"));
            self.program_types
                .extend(kinds.map(|kind| kind.trim().parse::<u32>().unwrap()));
            let ids = |of: &'static str| info.lines().filter_map(move |line| line.strip_prefix(of));
            programs.extend(ids("prog_id:").map(str::to_owned));
            // An open iterator is a link, too, but attached to nothing.
            if info.contains("link_type:\titer") {
                continue;
            }
            links.extend(ids("link_id:").map(str::to_owned));
            // Until 5.15 a kprobe has no link: its event has the program.
            let opened = fs::read_link(format!("/proc/{pid}/fd/{}", file.file_name().display()));
            if opened.is_ok_and(|what| what.as_os_str() == "anon_inode:[perf_event]") {
                links.insert(file.file_name().display().to_string());
            }
        }
        self.programs = self.programs.max(programs.len());
        self.links = self.links.max(links.len());
    }

    fn costs_at_most(&self, verb: &str, most: Most) {
        let has = (self.programs, self.links);
        assert!(
            has.0 <= most.0 && has.1 <= most.1,
            "{verb}: {has:?}, not {most:?}"
        );
        // The verb's programs were seen at all.
        assert!(has.0 > 0, "{verb}");
    }

    fn check(&self, verb: &str) {
        println!(
            "{verb}: {} programs, {} links, kprobes {:?}",
            self.programs, self.links, self.kprobes
        );
        assert_eq!(self.returns, BTreeSet::new(), "{verb}: kretprobes");
        let hot = HOT.iter().filter(|hot| self.kprobes.contains(**hot));
        assert_eq!(hot.collect::<Vec<_>>(), Vec::<&&str>::new(), "{verb}");
        // A trampoline is on a function without being a kprobe.
        let others = self.functions.difference(&self.kprobes);
        assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new(), "{verb}");
        let known = [KPROBE, RAW_TRACEPOINT, TRACING_PROGRAM].into_iter();
        let known: BTreeSet<_> = known.chain(TRIED).collect();
        assert!(self.program_types.is_subset(&known), "{self:?}");
    }
}

/// Programs and links: each takes time to verify, attach and detach.
type Most = (usize, usize);
/// Bounds for a query: programs that walk, read, name addresses, and iterate over symbols and
/// tasks.
const MOST_ASKED: Most = (9, 0);
/// Bounds for verbs that watch, on 5.10, 6.1, 6.12 and 7.2.
const WATCHED: &[(&[&str], [Most; 4])] = &[
    (&["export", "-n", "2"], EVERYTHING),
    (
        &["record", "/tmp/attached/recording", "-n", "2"],
        EVERYTHING,
    ),
    (
        &[
            "serve",
            "--textfile",
            "/tmp/attached/metrics.prom",
            "-n",
            "2",
        ],
        EVERYTHING,
    ),
    (&["locks", "--watch", "-n", "2"], LOCKS),
    (&["why", "/", "--watch", "-n", "2"], LOCKS),
    (&["shrinkers", "--duration", "1s"], RECLAIM),
    (&["reclaim", "--duration", "1s"], RECLAIM),
    (
        &["slab", "--callers", "dentry", "--duration", "1s"],
        CALLERS,
    ),
];
/// On 7.2, three links stand for a tracepoint on which programs may be preempted.
const EVERYTHING: [Most; 4] = [(58, 54), (54, 46), (53, 44), (52, 60)];
const LOCKS: [Most; 4] = [(30, 25), (26, 18), (26, 18), (24, 16)];
const RECLAIM: [Most; 4] = [(23, 20), (24, 20), (23, 20), (24, 38)];
const CALLERS: [Most; 4] = [(11, 7), (11, 5), (11, 5), (12, 6)];

/// The figures of this kernel.
fn here(of_kernels: [Most; 4]) -> Most {
    let kernels = [(5, 10), (6, 1), (6, 12), (7, 2)];
    let at = kernels.iter().position(|one| *one == kernel());
    of_kernels[at.unwrap()]
}

/// Reads what is attached again and again while a verb runs.
fn watch(args: &[&str], seen: &mut Attached) {
    let child = tool::command(args).stdout(Stdio::null()).spawn();
    let mut child = child.unwrap();
    let status = loop {
        seen.add(child.id());
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        // Reading takes CPU time from the verb.
        thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success(), "{args:?}: {status}");
}

#[test]
fn questions_attach_nothing() {
    for verb in ["locks", "zombies", "pins"] {
        let mut seen = Attached::default();
        // Iterators over tasks and, since 6.0, over symbols are tracing programs, too.
        let mut expected = BTreeSet::from([RAW_TRACEPOINT]);
        if verb == "locks" {
            expected.insert(TRACING_PROGRAM);
        }
        eventually("its programs", || {
            watch(&[verb, "--json"], &mut seen);
            // The program may be loaded and unloaded between two reads.
            match seen.program_types.is_superset(&expected) {
                true => Ok(()),
                false => Err(format!("{seen:?}")),
            }
        });
        seen.check(verb);
        seen.costs_at_most(verb, MOST_ASKED);
        assert_eq!(seen.kprobes, BTreeSet::new(), "{verb}");
        if verb != "locks" && kernel() < (6, 0) {
            assert!(!seen.program_types.contains(&TRACING_PROGRAM), "{seen:?}");
        }
    }
}

#[test]
fn verbs_that_watch_attach_what_they_need() {
    let _folder = Folder::new("attached");
    for (args, most) in WATCHED {
        let mut seen = Attached::default();
        watch(args, &mut seen);
        seen.check(args[0]);
        seen.costs_at_most(args[0], here(*most));
    }
}

#[test]
fn the_dashboard_attaches_nothing_hot() {
    let mut screen = Terminal::start(&["live", "-i", "500ms"], 120, 30);
    screen.until("the dashboard", |lines| lines[0].starts_with("memcg-trace"));
    let mut seen = Attached::default();
    seen.add(screen.pid());
    seen.check("live");
    seen.costs_at_most("live", here(EVERYTHING));
    assert!(seen.program_types.contains(&KPROBE), "{seen:?}");
    for rare in [
        "percpu_down_write",
        "get_online_mems",
        "do_migrate_range",
        "get_dump_page",
    ] {
        assert!(seen.kprobes.contains(rare), "{rare} is not hooked");
    }
    screen.press("q");
    assert_eq!(screen.end(), Some(0));
}
