//! Answers about locks: the waits, resources and holders in one.

use std::process::Output;
use std::time::Instant;

use memcg_trace::kernel::Subject;
use memcg_trace::sample::ask::Ask;
use memcg_trace::sample::waits::{Resource, Task, TaskScan, Wait, Waits};
use memcg_trace::source::live::{Attach, Live, Options};
use serde_json::Value;

use crate::host::eventually;
use crate::tool::{self, Blind};

/// Starts the tool's own live source and queries it, as the program does.
pub fn ask() -> Waits {
    let begin = Instant::now();
    let options = Options {
        subjects: &[Subject::Memcg],
        attach: Attach::Auto,
        address_names: true,
        debug: false,
        walk_budget: 0.0,
        state_files: false,
    };
    let mut live = Live::open(&options).unwrap_or_else(|why| panic!("{why}"));
    let opened = begin.elapsed();
    let answer = live
        .ask(&Ask::Locks)
        .unwrap_or_else(|why| panic!("{why:#}"));
    let asked = begin.elapsed();
    assert_eq!(live.close(), Vec::<String>::new());
    let waits = answer.waits.unwrap_or_else(|| panic!("no answer"));
    let took: Vec<_> = waits
        .looks
        .iter()
        .map(|look| look.took_ns / 1_000_000)
        .collect();
    println!(
        "opened after {opened:?}, answered after {asked:?}, gone after {:?}; looks took {took:?} ms; \
         not checked: {:?}",
        begin.elapsed(),
        waits.not_checked
    );
    waits
}

/// One edge as text, to print and to compare.
pub fn edge(look: &TaskScan, wait: &Wait) -> String {
    let name = |at: u32| {
        let task = &look.tasks[at as usize];
        format!("{} {}", task.comm.display(), task.tid)
    };
    let resource = &look.resources[wait.resource as usize];
    let holders = resource.holders.iter();
    let holders = holders.map(|holder| {
        let fd = holder.fd.map(|fd| format!(" fd {fd}")).unwrap_or_default();
        format!(
            "{} ({:?}, {:?}{fd})",
            name(holder.task),
            holder.mode,
            holder.evidence
        )
    });
    format!(
        "{} ({:?}) waits for {:?} {} ({:?}, {:?} in {}, ends on {:?}{}) -> [{}]{}",
        name(wait.task),
        look.tasks[wait.task as usize].state,
        resource.kind,
        label(resource),
        wait.mode,
        wait.evidence,
        wait.function.as_deref().unwrap_or("?"),
        wait.ends_on,
        if wait.times_out { ", times out" } else { "" },
        holders.collect::<Vec<_>>().join(", "),
        match &resource.incomplete {
            Some(why) => format!("; incomplete: {why}"),
            None => String::new(),
        }
    )
}

fn label(resource: &Resource) -> String {
    let pfn = resource.pfn.map(|pfn| format!("pfn {pfn:#x}"));
    let ino = resource.ino.map(|ino| format!("inode {ino}"));
    let parts = [resource.name.clone(), pfn, ino];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Prints a whole scan.
pub fn show(look: &TaskScan) {
    println!(
        "{} tasks seen, {} named, {} waits",
        look.visited_tasks,
        look.tasks.len(),
        look.waits.len()
    );
    for wait in &look.waits {
        println!("  {}", edge(look, wait));
    }
}

/// The waits of a thread, each with its resource and the holders of that.
pub fn waits_of(look: &TaskScan, tid: u32) -> Vec<(&Wait, &Resource, Vec<&Task>)> {
    let waits = look.waits.iter();
    let waits = waits.filter(|wait| look.tasks[wait.task as usize].tid == tid);
    let all = waits.map(|wait| {
        let resource = &look.resources[wait.resource as usize];
        let holders = resource.holders.iter();
        let holders = holders.map(|holder| &look.tasks[holder.task as usize]);
        (wait, resource, holders.collect())
    });
    all.collect()
}

/// The one wait of a thread, with its resource and the holders of that.
pub fn wait_of(look: &TaskScan, tid: u32) -> (&Wait, &Resource, Vec<&Task>) {
    let mut waits = waits_of(look, tid);
    assert!(waits.len() <= 1, "{tid} waits for more than one thing");
    let wait = waits.pop();
    wait.unwrap_or_else(|| panic!("{tid} does not wait"))
}

/// Returns whether a thread waits for anything.
pub fn waits(look: &TaskScan, tid: u32) -> bool {
    let mut waits = look.waits.iter();
    waits.any(|wait| look.tasks[wait.task as usize].tid == tid)
}

/// The known bugs that an answer looks like.
pub fn known_bugs(data: &Value) -> Vec<&str> {
    let bugs = data["summary"]["known_bugs"].as_array().unwrap().iter();
    bugs.map(|bug| bug["bug"].as_str().unwrap()).collect()
}

const ARGS: &[&str] = &["locks", "--json", "--fail-on", "deadlock"];

/// An answer as users get it, and its exit code.
pub fn answer(more: &[&str]) -> (Value, Option<i32>) {
    answered(&tool::run(&[ARGS, more].concat()))
}

fn answered(output: &Output) -> (Value, Option<i32>) {
    let document: Value = serde_json::from_str(tool::stdout(output)).unwrap();
    (document["data"].clone(), output.status.code())
}

/// The answer, once its verdict is this one.
pub fn asked(verdict: &str) -> (Value, Option<i32>) {
    once(verdict, || answer(&[]))
}

/// Checks that the answer is undecided while a script hides something; returns the reasons.
pub fn undecided_without(script: &str) -> Vec<String> {
    undecided(|| tool::hidden(script, ARGS))
}

/// The same check in a namespace where something is hidden already.
pub fn undecided_by(blind: &Blind) -> Vec<String> {
    undecided(|| blind.run(ARGS))
}

fn undecided(ask: impl Fn() -> Output) -> Vec<String> {
    let (data, code) = once("undecided", || answered(&ask()));
    assert_eq!(code, Some(5));
    let items = data["items"].as_array().unwrap().iter();
    let ends = items.filter(|item| item["type"] == "open_end");
    ends.map(|end| end["why"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns whether one of the reasons is that a scan was not possible.
pub fn is_unread(reasons: &[String]) -> bool {
    let mut reasons = reasons.iter();
    reasons.any(|why| why.starts_with("what it is for could not be read"))
}

fn once(verdict: &str, ask: impl Fn() -> (Value, Option<i32>)) -> (Value, Option<i32>) {
    let answer = eventually("a verdict", || {
        let (data, code) = ask();
        match data["summary"]["verdict"] == verdict {
            true => Ok((data, code)),
            false => Err(format!("{data:#}")),
        }
    });
    println!("{:#}", answer.0);
    answer
}
