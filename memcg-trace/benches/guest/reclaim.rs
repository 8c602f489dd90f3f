//! Cost of tracing in a storm of reclaim: a file is read through a cgroup with a low limit, so that
//! each page that is read evicts another one.

use std::fs::{self, File};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use memcg_trace::kernel::Subject;
use memcg_trace::kernel::hooks::facts::Facts;
use memcg_trace::kernel::session::Session;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::guest::{self, Cgroup, now_ns};
use crate::programs;
use crate::table::{Table, median, ms, per};

/// A RAM disk of 16 MiB.
const DISK: &str = "/dev/ram0";
const FOLDER: &str = "/tmp/reclaim";
/// The file is sparse, so that no time goes to a disk.
const FILE_BYTES: u64 = 64 << 20;
const PAGES: u64 = FILE_BYTES / 4096;
/// At `memory.max` a reader has to reclaim, and is never put to sleep.
const MAX: &str = "4M";
/// Reads the file in another process: the memory of this process would not fit.
const READ: &str = "echo 0 >\"$0\"/cgroup.procs; exec dd if=\"$1\" of=/dev/null bs=64k 2>&-";
/// Rounds of each case, in turn.
const ROUNDS: usize = 5;

struct Storm {
    cgroup: Cgroup,
}

impl Storm {
    fn new() -> Result<Self> {
        let formatted = Command::new("mke2fs").args(["-q", DISK]).status()?;
        ensure!(formatted.success(), "mke2fs {DISK}: {formatted}");
        fs::create_dir(FOLDER)?;
        mount(DISK, FOLDER, "ext4", MountFlags::empty(), None).context("mount the RAM disk")?;
        File::create(file())?.set_len(FILE_BYTES)?;
        let cgroup = Cgroup::new("reclaim")?;
        fs::write(cgroup.path().join("memory.max"), MAX)?;
        let storm = Self { cgroup };
        storm.run()?;
        Ok(storm)
    }

    /// Reads the file once; returns the time in nanoseconds.
    fn run(&self) -> Result<u64> {
        guest::settle();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", READ]).arg(self.cgroup.path()).arg(file());
        let begin = now_ns();
        let status = shell.status()?;
        ensure!(status.success(), "read {}: {status}", file());
        Ok(now_ns() - begin)
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        // The guest is about to end; a remaining mount does not change the results.
        let _ = unmount(FOLDER, UnmountFlags::DETACH);
    }
}

fn file() -> String {
    format!("{FOLDER}/data")
}

pub fn report(facts: &Facts) -> Result<()> {
    const REST: &[Subject] = &[Subject::Memcg, Subject::Shrinker, Subject::Reclaim];
    let cases: [(&str, &[Subject]); 3] = [
        ("nothing", &[]),
        ("shrinkers and reclaim", REST),
        ("all subjects (live)", Subject::ALL),
    ];
    let storm = Storm::new()?;
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for ((_, subjects), times) in cases.iter().zip(&mut times) {
            let session = match subjects.is_empty() {
                true => None,
                false => Some(Session::open(facts, subjects, None, false)?),
            };
            #[expect(
                clippy::cast_precision_loss,
                reason = "a time is shown with three digits"
            )]
            times.push(storm.run()? as f64);
            drop(session);
        }
    }
    let mut table = Table::new(
        "A file is read through a cgroup at its memory.max",
        &["attached", "time ms", "ns/page", "throughput kept %"],
    );
    let alone = median(&times[0]);
    for ((name, _), times) in cases.iter().zip(&times) {
        let took = median(times);
        #[expect(clippy::cast_precision_loss, reason = "a few thousand pages")]
        let pages = PAGES as f64;
        table.row([
            (*name).to_owned(),
            ms(took),
            per(took, pages),
            format!("{:.1}", alone / took * 100.0),
        ]);
    }
    table.print();

    let before = programs::ids()?;
    let session = Session::open(facts, REST, None, false)?;
    let runs = programs::during(&before, || storm.run().map(drop))?;
    drop((session, storm));
    let mut table = Table::new(
        "Programs in such a storm, by the kernel's counters",
        &["program", "runs", "ns/run"],
    );
    for (name, runs) in runs {
        let per_run = format!("{:.1}", runs.per_run());
        table.row([name, runs.count.to_string(), per_run]);
    }
    table.print();
    Ok(())
}
