//! The deadlock of August 2020, as later kernels can still have it: a process dumps core into a
//! pipe that nobody reads, with a reference to a page; a second task offlines the memory block of
//! that page; a third holds `cgroup_mutex` and waits for `mem_hotplug_lock`; and the reader of the
//! pipe waits for `cgroup_mutex`. All of it is real, and no module takes part but on 5.10, where
//! nothing in the kernel takes those two locks one after the other.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::lock_module;
use crate::host::{Folder, Process, eventually};

const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";
const MEMORY: &str = "/sys/devices/system/memory";
/// Takes `cgroup_mutex`, and then `mem_hotplug_lock` (mm/vmscan.c).
pub const GENERATIONS: &str = "/sys/kernel/mm/lru_gen/enabled";
/// Takes `mem_hotplug_lock` alone (5.10: mm/slab_common.c, kmem_cache_shrink()).
pub const SHRINK: &str = "/sys/kernel/slab/dentry/shrink";
/// A cgroup that the reader of the pipe wants to make.
const MADE: &str = "/sys/fs/cgroup/made-by-the-reader";

/// Failed tries in a row to move the pages of a block, after which no further page will move.
const ENOUGH: u64 = 20;

/// Reads the core up to the memory of the process, and waits for the file `go`; then it blocks on a
/// lock.
const READER: &str = r#"#!/bin/sh
export PATH=/bin
head -c 1048576 >/dev/null
echo $$ >FOLDER/reader.new && mv FOLDER/reader.new FOLDER/reader
while ! [ -e FOLDER/go ]; do sleep 0.1; done
exec sh -c 'THEN; cat >/dev/null'
"#;

/// The action of the pipe's reader before it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Takes `cgroup_mutex`.
    MakeCgroup,
    /// Takes `mem_hotplug_lock`.
    Shrink,
}

/// The tasks, by process id.
pub struct Coredump {
    pub folder: Folder,
    /// Dumps core: it waits for space in the pipe.
    pub dumper: Process,
    /// The task that reads the pipe, or fails to.
    pub reader: u32,
    /// Offlines memory blocks.
    pub offliner: Option<Process>,
    /// Has `cgroup_mutex` and wants `mem_hotplug_lock`.
    pub hotplug_reader: Option<Process>,
}

impl Coredump {
    /// Starts a process that dumps core, and whose reader does not read on until [`go`](Self::go).
    pub fn start(then: Then) -> Self {
        let folder = Folder::new("coredump");
        let then = match then {
            Then::MakeCgroup => format!("exec mkdir {MADE}"),
            Then::Shrink => format!("echo 1 >{SHRINK}"),
        };
        let reader = folder.file("helper");
        let script = READER.replace("FOLDER", folder.path());
        fs::write(&reader, script.replace("THEN", &then)).unwrap();
        fs::set_permissions(&reader, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(CORE_PATTERN, format!("|{reader}")).unwrap();
        // Memory of the process, in which the movable pages come first.
        let crash = "echo 1 >/proc/self/coredump_filter; x=$(dd if=/dev/zero bs=1M count=16 2>/dev/null | tr '\\0' x); kill -SEGV $$";
        let dumper = shell(crash);
        let pid = dumper.0.id();
        let reader = eventually("the reader", || {
            let pid = fs::read_to_string(folder.file("reader")).map_err(|why| why.to_string())?;
            pid.trim().parse().map_err(|_| format!("{pid:?}"))
        });
        wait_for(pid, "pipe_write");
        Self {
            folder,
            dumper,
            reader,
            offliner: None,
            hotplug_reader: None,
        }
    }

    /// Offlines the memory with a page of the dumper's, one block after the other: one block cannot
    /// go offline.
    pub fn take_memory(&mut self) {
        self.take(&spare_blocks());
    }

    /// Offlines some blocks, one of which has a page that cannot be moved.
    pub fn take(&mut self, blocks: &[PathBuf]) {
        let files = blocks
            .iter()
            .map(|block| format!("{}/state", block.display()));
        let files = files.collect::<Vec<_>>().join(" ");
        let offliner = shell(&format!(
            "for file in {files}; do echo offline >$file; done"
        ));
        self.offliner = Some(offliner);
        let mut seen = (PathBuf::new(), 0, 0);
        eventually("memory that does not go", || {
            let state = |block: &&PathBuf| {
                let state = fs::read_to_string(block.join("state"));
                state.is_ok_and(|state| state.trim() == "going-offline")
            };
            let going = blocks
                .iter()
                .find(state)
                .ok_or("no block is going offline")?;
            let (moved, failed) = migrations();
            // Other blocks' pages do move, even if slowly.
            if *going != seen.0 || moved != seen.1 {
                seen = (going.clone(), moved, failed);
            }
            if failed >= seen.2 + ENOUGH {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
    }

    /// Starts a task that has `cgroup_mutex` and wants `mem_hotplug_lock`, on kernels with such a
    /// path.
    pub fn want_both(&mut self) {
        let reader = if Path::new(GENERATIONS).exists() {
            shell(&format!("echo n >{GENERATIONS}"))
        } else {
            lock_module::load();
            let file = lock_module::FILE;
            shell(&format!("exec 3>{file}; echo g0 >&3; echo h0 >&3"))
        };
        wait_for(reader.0.id(), "get_online_mems");
        self.hotplug_reader = Some(reader);
    }

    /// Whether [`want_both`](Self::want_both) is possible: on 5.10 only with the module.
    pub fn has_both() -> bool {
        Path::new(GENERATIONS).exists() || lock_module::is_built()
    }

    /// Lets the reader continue, up to the lock where it is stuck too.
    pub fn go(&self) {
        fs::write(self.folder.file("go"), "").unwrap();
        eventually("the reader is stuck", || {
            let stack = stack(self.reader);
            let known = ["cgroup_kn_lock_live", "get_online_mems"];
            if known.iter().any(|function| stack.contains(function)) {
                Ok(())
            } else {
                Err(stack)
            }
        });
    }

    /// The whole deadlock before the reader continues to the lock: four tasks, or three where no
    /// task takes both locks.
    pub fn but_for_the_reader() -> Self {
        let then = if Self::has_both() {
            Then::MakeCgroup
        } else {
            Then::Shrink
        };
        let mut coredump = Self::start(then);
        coredump.take_memory();
        if Self::has_both() {
            coredump.want_both();
        }
        coredump
    }

    /// Page numbers that the kernel reports it cannot move.
    pub fn stuck_pfns() -> Vec<u64> {
        let log = Command::new("dmesg").output().unwrap().stdout;
        let log = String::from_utf8_lossy(&log);
        let pfn = |line: &str| {
            let rest = line.split_once("migrating pfn ")?.1;
            u64::from_str_radix(rest.split(' ').next()?, 16).ok()
        };
        let mut pfns: Vec<_> = log.lines().filter_map(pfn).collect();
        pfns.sort_unstable();
        pfns.dedup();
        pfns
    }

    /// Number of the pipe's inode.
    pub fn pipe(&self) -> u64 {
        let link = fs::read_link(format!("/proc/{}/fd/0", self.reader)).unwrap();
        let link = link.to_str().unwrap();
        let number = link.strip_prefix("pipe:[").unwrap();
        number.strip_suffix(']').unwrap().parse().unwrap()
    }

    /// Sends the offliner a signal, on which it gives up.
    pub fn leave_memory(&mut self) {
        if let Some(offliner) = &mut self.offliner {
            signal(offliner.0.id(), Signal::TERM);
            offliner.0.wait().unwrap();
        }
    }

    /// Resolves the deadlock.
    pub fn undo(&mut self) {
        self.leave_memory();
        if let Some(reader) = &mut self.hotplug_reader {
            reader.0.wait().unwrap();
        }
        let _ = fs::write(self.folder.file("go"), "");
        let status = self.dumper.0.wait().unwrap();
        assert!(!status.success(), "{status}");
    }
}

impl Drop for Coredump {
    fn drop(&mut self) {
        // After a failed test the next one needs a machine that works.
        if let Some(offliner) = &self.offliner {
            signal(offliner.0.id(), Signal::TERM);
        }
        signal(self.reader, Signal::KILL);
        let _ = fs::write(CORE_PATTERN, "core");
        for block in spare_blocks() {
            let state = block.join("state");
            let online = fs::read_to_string(&state).is_ok_and(|state| state.trim() == "online");
            if !online {
                let _ = fs::write(&state, "online_movable");
            }
        }
        let _ = fs::remove_dir(MADE);
    }
}

/// Sends a signal; a process that is gone is no error.
fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Starts a shell whose builtins write, so that the process itself blocks.
fn shell(script: &str) -> Process {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).stdin(Stdio::null());
    Process(command.spawn().unwrap())
}

/// The kernel stack of a task.
pub fn stack(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/stack")).unwrap_or_default()
}

fn wait_for(pid: u32, function: &str) {
    eventually(function, || {
        let stack = stack(pid);
        if stack.contains(function) {
            sleep(Duration::from_millis(50));
            Ok(())
        } else {
            Err(format!("{pid}: {stack}"))
        }
    });
}

/// Pages moved so far, and failed tries.
fn migrations() -> (u64, u64) {
    let figures = fs::read_to_string("/proc/vmstat").unwrap();
    let figure = |name: &str| {
        let mut lines = figures.lines();
        let value = lines.find_map(|line| line.strip_prefix(name));
        value.unwrap().trim().parse().unwrap()
    };
    (figure("pgmigrate_success "), figure("pgmigrate_fail "))
}

/// Blocks of the memory that xtask adds for these tests: those that were absent at boot.
pub fn spare_blocks() -> Vec<PathBuf> {
    let entries = fs::read_dir(MEMORY).unwrap().flatten();
    let number = |path: &Path| {
        let name = path.file_name()?.to_str()?.strip_prefix("memory")?;
        name.parse::<u32>().ok()
    };
    let mut blocks: Vec<_> = entries.map(|entry| entry.path()).collect();
    // From 4 GiB on, in blocks of 128 MiB.
    blocks.retain(|path| number(path).is_some_and(|number| number >= 32));
    blocks.sort();
    blocks
}
