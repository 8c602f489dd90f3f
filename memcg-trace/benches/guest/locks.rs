//! Cost of watching locks while all tasks contend for the same ones: the share of work that is
//! kept.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context as _, Result};
use memcg_trace::kernel::Subject;
use memcg_trace::kernel::hooks::facts::Facts;
use memcg_trace::kernel::session::Session;

use crate::guest::{self, Cgroup, now_ns};
use crate::programs;
use crate::table::{Table, median, ratio};
use crate::tool::PROGRAM;

/// Tasks that make and remove cgroups, and tasks that move a process.
const MAKERS: usize = 6;
const MOVERS: usize = 2;
/// Duration of one storm.
const SPAN_NS: u64 = 1_000_000_000;
/// Rounds: storms with and without each program, in turn.
const ROUNDS: usize = 5;
/// Time for a program to start; idle time is skipped.
const START: std::time::Duration = std::time::Duration::from_secs(20);

/// Programs that are started beside the storm. Those of other projects are started by the loader
/// that xtask copied with them.
const WATCHERS: &[(&str, &[&str])] = &[
    ("memcg-trace", &["locks", "--watch", "--json"]),
    (
        "memcg-trace",
        &["locks", "--watch", "--json", "--min-wait", "10ms"],
    ),
    ("memcg-trace", &["export"]),
    (
        "bpftrace",
        &[
            "-e",
            "tracepoint:lock:contention_begin { @[tid] = nsecs; } tracepoint:lock:contention_end /@[tid]/ { @ns = hist(nsecs - @[tid]); delete(@[tid]); }",
        ],
    ),
    ("perf", &["lock", "contention", "-a", "-b"]),
    ("klockstat", &[]),
];
const LOADER: &str = "/bin/ld-linux-x86-64.so.2";

pub fn report(facts: &Facts) -> Result<()> {
    let storm = Storm::new()?;
    storm.blow()?;
    hooks(facts, &storm)?;
    kept(&storm)
}

/// Runs of each program during a storm.
fn hooks(facts: &Facts, storm: &Storm) -> Result<()> {
    let before = programs::ids()?;
    let session = Session::open(facts, &[Subject::Memcg, Subject::Lock], None, false)?;
    let runs = programs::during(&before, || storm.blow().map(drop))?;
    drop(session);
    let title = format!("Locks: {MAKERS} tasks that make and remove cgroups, {MOVERS} that move");
    let mut table = Table::new(&title, &["program", "runs", "time ns", "ns/run"]);
    for (name, runs) in runs {
        table.row([
            name,
            runs.count.to_string(),
            runs.ns.to_string(),
            format!("{:.1}", runs.per_run()),
        ]);
    }
    table.print();
    Ok(())
}

/// Work with a program beside it, against work without the program, in turn.
fn kept(storm: &Storm) -> Result<()> {
    let title = "The same storm, for a second: work with a program beside it against without";
    let mut table = Table::new(title, &["program", "without", "with", "kept", "from", "to"]);
    'watchers: for (name, args) in WATCHERS {
        let what = format!("{name} {}", args.first().unwrap_or(&""));
        let Some(command) = command(name) else {
            table.row([what, "not on this guest".to_owned()]);
            continue;
        };
        let (mut off, mut on) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            off.push(storm.blow()?);
            match start(command.iter().copied(), args) {
                Ok(child) => {
                    on.push(storm.blow()?);
                    stop(child)?;
                }
                // The program cannot run, for example because it was built without a needed
                // feature.
                Err(error) if *name != "memcg-trace" => {
                    table.row([what, format!("does not run here: {error:#}")]);
                    continue 'watchers;
                }
                Err(error) => return Err(error),
            }
        }
        let kept: Vec<f64> = on.iter().zip(&off).map(|(on, off)| on / off).collect();
        let (least, most) = kept
            .iter()
            .fold((f64::MAX, f64::MIN), |(least, most), one| {
                (least.min(*one), most.max(*one))
            });
        table.row([
            what,
            format!("{:.0}", median(&off)),
            format!("{:.0}", median(&on)),
            ratio(median(&kept), 1.0),
            format!("{least:.3}"),
            format!("{most:.3}"),
        ]);
    }
    table.print();
    Ok(())
}

/// The command of a program; `None` if the program is not in the guest.
fn command(name: &str) -> Option<Vec<&'static str>> {
    match name {
        "memcg-trace" => Some(vec![PROGRAM]),
        "bpftrace" => foreign("/bin/bpftrace"),
        "perf" => foreign("/bin/perf"),
        _ => foreign("/bin/klockstat"),
    }
}

fn foreign(path: &'static str) -> Option<Vec<&'static str>> {
    let loaded = vec![LOADER, "--library-path", "/bin", path];
    Path::new(path).exists().then_some(loaded)
}

fn start<'a>(command: impl IntoIterator<Item = &'a str>, args: &[&str]) -> Result<Child> {
    let mut words = command.into_iter();
    let program = words.next().context("no program")?;
    let mut command = Command::new(program);
    command.args(words).args(args).stdin(Stdio::null());
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.with_context(|| format!("start {program}"))?;
    thread::sleep(START);
    if let Some(status) = child.try_wait()? {
        anyhow::bail!("{program} {}: {status}", args.join(" "));
    }
    Ok(child)
}

fn stop(mut child: Child) -> Result<()> {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    child.wait()?;
    guest::settle();
    Ok(())
}

/// A storm: cgroups to make others below, and cgroups to move to.
struct Storm {
    top: Cgroup,
    between: [std::path::PathBuf; 2],
}

impl Storm {
    fn new() -> Result<Self> {
        let top = Cgroup::new("storm-of-locks")?;
        let between = [top.child("here")?, top.child("there")?];
        Ok(Self { top, between })
    }

    /// Runs a storm; returns the number of cgroups made and processes moved.
    fn blow(&self) -> Result<f64> {
        guest::settle();
        let done = AtomicU64::new(0);
        let end_ns = now_ns() + SPAN_NS;
        let until_end = |mut work: Box<dyn FnMut() -> Result<()> + Send>| -> Result<()> {
            while now_ns() < end_ns {
                work()?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        thread::scope(|scope| -> Result<()> {
            let mut threads = Vec::new();
            for which in 0..MAKERS {
                let path = self.top.path().join(format!("one-{which}"));
                let until_end = &until_end;
                threads.push(scope.spawn(move || {
                    until_end(Box::new(move || {
                        fs::create_dir(&path).context("make a cgroup")?;
                        fs::remove_dir(&path).context("remove a cgroup")
                    }))
                }));
            }
            for _ in 0..MOVERS {
                let between = self.between.clone();
                let until_end = &until_end;
                threads.push(scope.spawn(move || {
                    let sleep = Command::new("sleep").arg("1000000").spawn();
                    let mut moved = sleep.context("start who is moved")?;
                    let pid = moved.id().to_string();
                    let mut turn = between.into_iter().cycle();
                    let result = until_end(Box::new(move || {
                        let to = turn.next().context("nowhere to move to")?;
                        fs::write(to.join("cgroup.procs"), &pid).context("move")
                    }));
                    moved.kill()?;
                    moved.wait()?;
                    result
                }));
            }
            threads.into_iter().try_for_each(|one| match one.join() {
                Ok(result) => result,
                Err(_) => anyhow::bail!("a thread of the storm panicked"),
            })
        })?;
        Ok(done.into_inner() as f64)
    }
}
