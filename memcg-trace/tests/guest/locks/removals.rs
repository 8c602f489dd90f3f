//! `why` of removals that wait: behind a task that has cgroup_mutex, and behind a work item in the
//! queue of offlines.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::coredump::stack;
use super::lock_module::{self, Taker};
use crate::host::{Cgroup, Folder, Process, eventually};
use crate::tool;

/// The timeline of a cgroup or task.
struct Why {
    sentence: String,
    steps: Vec<Value>,
}

impl Why {
    fn ask(subject: &str) -> Self {
        let output = tool::run(&["why", subject, "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
        let document: Value = serde_json::from_str(tool::stdout(&output)).unwrap();
        let data = &document["data"];
        let why = Self {
            sentence: data["summary"]["sentence"].as_str().unwrap().to_owned(),
            steps: data["items"].as_array().unwrap().clone(),
        };
        println!("{subject}: {}", why.sentence);
        for step in &why.steps {
            println!("  {} {} {}", step["depth"], step["state"], step["sentence"]);
        }
        why
    }

    /// The steps of a kind.
    fn of(&self, kind: &str) -> Vec<&Value> {
        self.steps
            .iter()
            .filter(|step| step["step"] == kind)
            .collect()
    }

    /// Whether a step of a kind has this task and its sentence has these parts.
    fn has(&self, kind: &str, tid: Option<u32>, parts: &[&str]) -> Result<(), String> {
        let is_it = |step: &&Value| {
            let sentence = step["sentence"].as_str().unwrap();
            let is_of_task = tid.is_none_or(|tid| step["task"]["tid"] == tid);
            is_of_task && parts.iter().all(|part| sentence.contains(part))
        };
        match self.of(kind).into_iter().any(|step| is_it(&step)) {
            true => Ok(()),
            false => Err(format!("no {kind} of {tid:?} with {parts:?}")),
        }
    }
}

/// A run of `why --watch` on a cgroup that is alive.
struct Watch {
    process: Process,
    file: String,
}

impl Watch {
    fn of(path: &str, file: String) -> Self {
        let args = ["why", path, "--watch", "--json", "-i", "100ms", "-o", &file];
        let process = Process(tool::command(&args).spawn().unwrap());
        let watch = Self { process, file };
        eventually("the watch has begun", || {
            match watch.steps("alive", "now").len() {
                0 => Err(fs::read_to_string(&watch.file).unwrap_or_default()),
                _ => Ok(()),
            }
        });
        watch
    }

    /// The records of a step that were written so far.
    fn steps(&self, step: &str, state: &str) -> Vec<Value> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let records = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let data = records
            .filter(|one| one["type"] == "why")
            .map(|mut one| one["data"].take());
        data.filter(|data| data["step"] == step && data["state"] == state)
            .collect()
    }

    /// It ends with the release, and has the times and what the removal waited for.
    fn tells_all(mut self) {
        let ended = self.process.0.wait().unwrap();
        let text = fs::read_to_string(&self.file).unwrap();
        assert!(ended.success(), "{ended}: {text}");
        let removed = self.steps("removed", "done");
        let is_bounded = |step: &Value| step["after_ns"].is_u64() && step["before_ns"].is_u64();
        assert!(removed.iter().any(is_bounded), "{text}");
        assert!(!self.steps("offline", "now").is_empty(), "{text}");
        let offline = self.steps("offline", "done");
        let is_exact = |step: &Value| step["at_ns"].is_u64();
        assert!(offline.iter().any(is_exact), "{text}");
        let work = self.steps("work", "done");
        let is_it = |step: &Value| {
            step["sentence"]
                .as_str()
                .unwrap()
                .contains("take_in_work()")
        };
        assert!(work.iter().any(is_it), "{text}");
        assert_eq!(self.steps("released", "done").len(), 1, "{text}");
    }
}

/// A shell that runs this command, and stops in the kernel.
fn start(script: &str) -> Process {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script]);
    Process(shell.stdin(Stdio::null()).spawn().unwrap())
}

fn stops_in(process: &Process, function: &str) {
    eventually("a task that stops", || {
        let stack = stack(process.0.id());
        match stack.contains(function) {
            true => Ok(()),
            false => Err(stack),
        }
    });
}

/// rmdir waits for cgroup_mutex. Its holder waits for a mutex, whose holder is over its memory.high.
#[test]
fn behind_a_holder_that_is_over_its_memory_high() {
    if !lock_module::is_built() {
        println!("skipped: no test module for this kernel");
        return;
    }
    let cgroup = Cgroup::new("why-rmdir");
    let high = Cgroup::new("why-high");
    let mut stalls = Taker::with(&["m50"]);
    let mut holder = Taker::with(&["g0"]);
    high.set("memory.high", "4194304");
    // With cgroup_mutex taken nobody can move the task: it is moved before.
    drop(holder);
    high.set("cgroup.procs", &stalls.tid().to_string());
    holder = Taker::with(&["g0"]);
    holder.want("m50");
    stalls.take("grow");
    let mut rmdir = start(&format!("exec rmdir {}", cgroup.dir().display()));
    stops_in(&rmdir, "cgroup_rmdir");

    let path = cgroup.path();
    let why = eventually("the chain from rmdir to the limit", || {
        let why = Why::ask(&path);
        why.has("rmdir", Some(rmdir.0.id()), &["is in rmdir(2) of it"])?;
        why.has("wait", Some(rmdir.0.id()), &["cgroup_mutex", "held by sh["])?;
        why.has("wait", Some(holder.tid()), &["held by sh["])?;
        // The holder runs for a moment between two stalls.
        let high = ["memory.high of /why-high", "4.0 MiB is the limit"];
        why.has("limit", Some(stalls.tid()), &high)?;
        Ok(why)
    });
    assert!(why.sentence.contains("rmdir(2) has not returned"));
    assert_eq!(why.of("removed")[0]["state"], "to_come");
    let depths: Vec<u64> = why
        .of("wait")
        .iter()
        .map(|step| step["depth"].as_u64().unwrap())
        .collect();
    assert!(depths.is_sorted_by(|a, b| a < b), "{depths:?}");

    let of_task = Why::ask(&rmdir.0.id().to_string());
    let all = [
        of_task.has("task", Some(rmdir.0.id()), &["rmdir["]),
        of_task.has("rmdir", None, &[&path]),
        of_task.has("wait", Some(holder.tid()), &["held by sh["]),
    ];
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let alive = Why::ask(&high.path());
    assert!(
        alive
            .sentence
            .contains("rmdir(2) would be refused: tasks are in it"),
        "{}",
        alive.sentence
    );

    drop((stalls, holder));
    assert!(rmdir.0.wait().unwrap().success());
}

/// The queue of offlines runs one item at a time on a CPU, and its worker waits for a mutex.
#[test]
fn behind_a_full_queue_of_offlines() {
    if !lock_module::is_built() {
        println!("skipped: no test module for this kernel");
        return;
    }
    let cgroup = Cgroup::new("why-offline");
    let child = cgroup.child("child");
    let holder = Taker::with(&["m41"]);
    let folder = Folder::new("why-watch");
    let watch = Watch::of(&child.path(), folder.file("steps"));
    // Each CPU has a queue of its own.
    let script = format!(
        "taskset -p 1 $$; echo q41 >{}; rmdir {} {}",
        lock_module::FILE,
        child.dir().display(),
        cgroup.dir().display(),
    );
    assert!(start(&script).0.wait().unwrap().success());

    let at_work = ["take_in_work()", "kworker/"];
    let queued = |path: &str| {
        eventually("an offline in the queue", || {
            let why = Why::ask(path);
            why.has("removed", None, &["when is not known: nobody watched"])?;
            why.has("kill_confirmed", None, &[])?;
            why.has("work", None, &at_work)?;
            why.has("wait", None, &["kworker/", "held by sh["])?;
            why.has("root", Some(holder.tid()), &["sleeps in"])?;
            Ok(why)
        })
    };
    let why = queued(&child.path());
    assert_eq!(why.of("offline")[0]["state"], "now");
    assert_eq!(why.of("released")[0]["state"], "to_come");
    assert!(
        why.sentence.contains("waits for its turn"),
        "{}",
        why.sentence
    );
    // Its parent goes offline after it.
    let why = queued(&cgroup.path());
    let behind = why.has(
        "offline",
        None,
        &["why-offline/child has to go offline first"],
    );
    let itself = why.has("work", None, &["before it"]);
    assert!(behind.is_ok() || itself.is_ok(), "{behind:?}, {itself:?}");

    // It looks at all memcgs as often as its share of time allows.
    eventually("the watch has seen what it waits for", || {
        let seen = ["offline", "work"].map(|step| watch.steps(step, "now").len());
        match seen.contains(&0) {
            true => Err(format!("{seen:?}")),
            false => Ok(()),
        }
    });
    drop(holder);
    eventually("both are gone", || {
        let output = tool::run(&["zombies", "--json"]);
        let text = tool::stdout(&output);
        match text.contains("why-offline") {
            true => Err(text.to_owned()),
            false => Ok(()),
        }
    });
    watch.tells_all();
    let output = tool::run(&["why", &cgroup.path()]);
    tool::assert_fails(&output, 1, &["released, or never was"]);
}
