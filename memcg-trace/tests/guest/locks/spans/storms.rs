//! Storms: tasks that contend, are killed in the middle, and whose ends are missed.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Told, open};
use crate::export::Export;
use crate::host::{Cgroup, DEADLINE, Folder, Process, long_storm};
use crate::locks::coredump::{GENERATIONS, SHRINK};

/// Snapshots without an open span that must follow a storm.
const QUIET: u32 = 3;
/// Starts of the tool in a long run.
const STARTS: u32 = 10;
/// The time that the tool is stopped, in a short run and in a long one.
const STOPPED: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(30)];
/// The time without kprobes, or with one CPU less.
const AWAY: Duration = Duration::from_secs(1);

/// Work that contends: each piece is done by a process of its own.
struct Storm {
    shells: Vec<Process>,
}

impl Storm {
    fn start(folder: &Folder, squeezed: &Cgroup) -> Self {
        let file = folder.file("big");
        File::create(&file).unwrap().set_len(16 << 20).unwrap();
        let same = "/sys/fs/cgroup/spans-storm";
        let make = format!("mkdir {same}; rmdir {same}");
        let generations = Path::new(GENERATIONS).exists();
        let keep = match generations {
            true => format!("echo y >{GENERATIONS}"),
            false => format!("echo 1 >{SHRINK}"),
        };
        let procs = squeezed.dir().join("cgroup.procs");
        let read = format!(
            "echo 0 >{}; exec dd if={file} of=/dev/null bs=64k",
            procs.display()
        );
        let drop = "for i in 1 2 3 4 5 6 7 8 9; do test -e /tmp/none-$i-$$; done; \
                    echo 2 >/proc/sys/vm/drop_caches";
        let works = [&make, &make, &keep, &read, &read, drop, drop];
        let start = |work: &str| {
            // In a process group of its own, so that all of it can be killed.
            let script = format!("renice -n 19 $$ >/dev/null; while :; do sh -c '{work}'; done");
            let mut command = Command::new("setsid");
            command.args(["/bin/sh", "-c", &script]);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            Process(command.spawn().unwrap())
        };
        Self {
            shells: works.into_iter().map(start).collect(),
        }
    }

    /// Kills the workers in the middle of their work.
    fn end(&mut self) {
        for shell in &self.shells {
            let pid = i32::try_from(shell.0.id()).unwrap();
            let _ = kill_process_group(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
        self.shells.clear();
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.end();
    }
}

/// A switch that is off until dropped, and then on in any case.
struct Off(&'static str);

impl Off {
    /// All kprobes of the host: starts and ends meanwhile are missed.
    const KPROBES: &str = "/sys/kernel/debug/kprobes/enabled";
    const CPU: &str = "/sys/devices/system/cpu/cpu1/online";

    fn switch(file: &'static str) -> Self {
        fs::write(file, "0").unwrap();
        Self(file)
    }
}

impl Drop for Off {
    fn drop(&mut self) {
        fs::write(self.0, "1").unwrap();
    }
}

/// Mishaps of the tool in a storm, beside that its tasks are killed in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    Stopped(Duration),
    RunsMissed,
    CpuLost,
}

impl Mishap {
    fn befall(self, export: &Export) {
        match self {
            Self::Stopped(stopped) => {
                export.signal(Signal::STOP);
                thread::sleep(stopped);
                export.signal(Signal::CONT);
            }
            Self::RunsMissed => {
                let _off = Off::switch(Off::KPROBES);
                thread::sleep(AWAY);
            }
            Self::CpuLost => {
                let _off = Off::switch(Off::CPU);
                thread::sleep(AWAY);
            }
        }
    }
}

/// The tool starts in a storm, and outlives it.
fn nothing_is_left(folder: &Folder, squeezed: &Cgroup, mishaps: &[Mishap]) {
    let mut storm = Storm::start(folder, squeezed);
    let mut export = Export::start(&[]);
    let mut told = Told::default();
    for mishap in mishaps {
        mishap.befall(&export);
        told.hear(&export.next());
    }
    told.hear(&export.next());
    storm.end();
    let (begin, mut quiet) = (Instant::now(), 0);
    while quiet < QUIET {
        let frame = export.next();
        told.hear(&frame);
        let open = open(&frame);
        let is_quiet = open.is_empty() && told.0.is_empty();
        quiet = if is_quiet { quiet + 1 } else { 0 };
        let lost = frame.losses();
        assert!(
            begin.elapsed() < DEADLINE,
            "{mishaps:?}: {open:#?} {:?}, lost {lost:?}",
            told.0
        );
        if quiet == QUIET {
            println!("{mishaps:?}: lost {lost:?}");
        }
    }
    export.stop();
}

#[test]
fn a_storm_leaves_nothing_open() {
    let folder = Folder::new("spans");
    let squeezed = Cgroup::new("spans-squeezed");
    squeezed.set("memory.high", "2M");
    let [short, long] = STOPPED;
    let mishaps = |stopped| {
        [
            Mishap::RunsMissed,
            Mishap::CpuLost,
            Mishap::Stopped(stopped),
        ]
    };
    if long_storm().is_none() {
        nothing_is_left(&folder, &squeezed, &mishaps(short));
        return;
    }
    for _ in 0..STARTS {
        nothing_is_left(&folder, &squeezed, &[]);
    }
    for mishap in mishaps(long) {
        nothing_is_left(&folder, &squeezed, &[mishap]);
    }
}
