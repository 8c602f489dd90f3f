//! Call sites that have objects of a cache: those of a module that leaks known numbers of objects,
//! by known functions and in known ways.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::contract::Document;
use crate::host::{Folder, eventually, has_function, kernel};
use crate::slab_walk::walk::number;
use crate::slab_ways::{Module, ask};
use crate::tool;

const CACHE: &str = "objects_leak";
/// Objects that are followed at once, and those of the module beyond them.
const FOLLOWED: u64 = 1 << 18;
const BEYOND: u64 = 1000;

/// A run of the program that watches a cache until it is asked to end.
struct Watch(Child);

impl Watch {
    fn start(cache: &str, args: &[&str]) -> Self {
        let mut command = tool::command(&["slab", "-v", "--callers", cache]);
        command.args(["--duration", "1h"]).args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.as_mut().unwrap());
        let mut line = String::new();
        while !line.contains("watching") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "it ended");
            print!("{line}");
        }
        Self(child)
    }

    /// What it saw until now.
    fn finish(mut self) -> String {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, Signal::INT).unwrap();
        let mut text = String::new();
        let mut stdout = self.0.stdout.take().unwrap();
        stdout.read_to_string(&mut text).unwrap();
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
        println!("{text}");
        text
    }
}

/// The only call site of a function: objects allocated, freed and alive.
fn of<'a>(seen: &'a Document, function: &str) -> (&'a Value, [u64; 3]) {
    let begin = format!("{function}+0x");
    let is_in = |item: &&Value| {
        let site = item["call_site"].as_str();
        site.is_some_and(|site| site.starts_with(&begin))
    };
    let mut sites = seen.items.iter().filter(is_in);
    let site = sites.next().unwrap_or_else(|| panic!("no {function}"));
    assert!(sites.next().is_none(), "{function} is there twice");
    let counts = ["allocated_objects", "freed_objects", "alive_objects"];
    (site, counts.map(|field| number(site, field)))
}

fn gaps(seen: &Document) -> String {
    seen.not_checked.to_string()
}

/// The cache of charged objects of kmalloc: since 5.14 one of their own.
fn kmalloc() -> &'static str {
    let output = tool::run(&["slab", "--json", "--cache", "kmalloc-cg-1k"]);
    match output.status.code() {
        Some(0) => "kmalloc-cg-1k",
        _ => "kmalloc-1k",
    }
}

#[test]
fn a_leak_is_found_by_its_call_sites() {
    let _module = Module::load();
    // A cache is found by its slabs.
    ask("leak");
    let watch = Watch::start(CACHE, &["--json"]);
    ask("leak");
    let seen = Document::parse(&watch.finish());
    let (first, counts) = of(&seen, "leak_first");
    assert_eq!(counts, [30, 10, 20]);
    assert_eq!(of(&seen, "leak_second").1, [20, 5, 15]);
    // Nothing reports bulk allocations, which is said; nobody else allocates from the cache.
    assert_eq!(seen.items.len(), 2, "{:?}", seen.items);
    assert!(
        gaps(&seen).contains("kmem_cache_alloc_bulk"),
        "{}",
        gaps(&seen)
    );
    let size = number(&seen.summary, "size_bytes");
    assert_eq!(number(first, "alive_bytes"), 20 * size);
    assert_eq!(number(&seen.summary, "alive_bytes"), 35 * size);
    assert_eq!(number(&seen.summary, "untracked_objects"), 0);
    // The first sixteen allocations have a stack, and each sixteenth.
    let stacks = first["stacks"].as_array().unwrap();
    let samples: u64 = stacks.iter().map(|stack| number(stack, "samples")).sum();
    let functions = stacks[0]["stack"].as_array().unwrap();
    assert_eq!(samples, 16);
    assert_eq!(functions[0], "leak_first");
    // On 7.2 the kernel does not unwind this module any further.
    let is_unwound = functions.contains(&Value::from("objects_write"));
    assert!(is_unwound || kernel() >= (7, 0), "{functions:?}");

    let watch = Watch::start(CACHE, &[]);
    ask("-leak");
    ask("leak");
    let text = watch.finish();
    assert!(text.contains("35 objects"), "{text}");
    assert!(text.contains("stacks are samples"), "{text}");
    ask("-leak");
}

/// A recording has the same, also of kmalloc() and of frees after a grace period.
#[test]
fn a_recording_has_callers() {
    let _module = Module::load();
    ask("leak");
    let cache = kmalloc();
    let folder = Folder::new("callers-recorded");
    let file = folder.file("a.rec");
    let mut record = tool::command(&["record", "--callers", cache, &file]);
    let mut record = record.spawn().unwrap();
    let replay = ["slab", "--json", "--callers", cache, "--from", &file];
    eventually("a sample with callers", || match tool::run(&replay) {
        output if output.status.success() => Ok(()),
        output => Err(tool::stderr(&output).to_owned()),
    });
    ask("leak");
    let seen = eventually("five of eight are freed", || {
        let seen = Document::parse(tool::stdout(&tool::run(&replay)));
        let is_there = seen.items.iter().any(|item| {
            let site = item["call_site"].as_str();
            site.is_some_and(|site| site.starts_with("leak_kmalloc+"))
        });
        match is_there && of(&seen, "leak_kmalloc").1 == [8, 5, 3] {
            true => Ok(seen),
            false => Err(format!("{:?}", seen.items)),
        }
    });
    println!("sheaves: {}", has_function("__kfree_rcu_sheaf"));
    assert_eq!(number(&seen.summary, "unseen_frees"), 0);
    kill_process(Pid::from_child(&record), Signal::INT).unwrap();
    assert!(record.wait().unwrap().success());
    let other = tool::run(&["slab", "--callers", "dentry", "--from", &file]);
    tool::assert_fails(&other, 1, &["not_recorded"]);
    let misspelt = tool::run(&["slab", "--callers", "objects_leek", "--duration", "1s"]);
    tool::assert_fails(&misspelt, 1, &["objects_leek", CACHE]);
    ask("-leak");
}

/// More objects than are followed at once: all are counted, and those beyond are named.
#[test]
fn a_flood_is_counted_and_the_rest_is_named() {
    let _module = Module::load();
    ask("leak");
    let watch = Watch::start(CACHE, &["--json"]);
    ask("flood");
    let seen = Document::parse(&watch.finish());
    let (site, counts) = of(&seen, "leak_flood");
    assert_eq!(counts, [FOLLOWED + BEYOND, 0, FOLLOWED]);
    assert_eq!(number(site, "untracked_objects"), BEYOND);
    assert!(
        gaps(&seen).contains("could not be followed"),
        "{}",
        gaps(&seen)
    );
    ask("-leak");
}
