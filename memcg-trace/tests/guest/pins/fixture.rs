//! Fixtures for pins: a dead cgroup that one thing pins, the expected answer, and how to free it.

use std::os::fd::{AsFd, AsRawFd as _};
use std::time::Instant;

use serde_json::{Value, json};

use super::ledger::{Ledger, ledgers, ledgers_and_bugs};
use crate::host::{Cgroup, DEADLINE, eventually, has_function, use_every_cpu};
use crate::tool;

/// Properties of a zombie that a test knows, since it made the zombie.
pub struct Fixture {
    /// The path as records have it.
    pub path: String,
    /// Whether this kernel keeps the cgroup because of the object.
    pub pins: bool,
    pub kind: &'static str,
    /// References of that kind; one page is one.
    pub refs: Refs,
    /// Kinds of pins that may come and go together with this one.
    pub company: &'static [&'static str],
    /// Fields of holders: for each of these, one holder must have them all.
    pub holders: Vec<Value>,
    /// The expected advice, and parts of the target's name.
    pub advice: Vec<(&'static str, Vec<String>)>,
    /// Actions that must not be advised.
    pub never: &'static [&'static str],
    /// Fields that the holders together must have in exactly this way.
    pub exactly: Vec<(&'static str, Value)>,
    /// Follows the advice.
    pub follow: Box<dyn FnOnce()>,
}

/// The expected number of references.
#[derive(Clone, Copy, Debug)]
pub enum Refs {
    Exactly(u64),
    /// The number of other references is unknown in advance; the ledger must add up all the same.
    AtLeast(u64),
}

/// Kinds that may be there besides, for a while: 5.10 charges the kernel's own pages, and a CPU
/// returns its stock late.
const TRANSIENT: &[&str] = &["page_kmem", "stock"];

impl Fixture {
    /// Compares the ledgers with the fixture; the error is the first difference.
    fn check(&self, ledgers: &[Ledger]) -> Result<(), String> {
        let mut all = ledgers.iter().filter(|ledger| ledger.path() == self.path);
        let (found, second) = (all.next(), all.next());
        if second.is_some() {
            return Err("is there twice".into());
        }
        let Some(ledger) = found else {
            return if self.pins {
                Err("is no zombie".into())
            } else {
                Ok(())
            };
        };
        if !self.pins {
            // Another kind may keep the zombie for a while, but not this one.
            return match ledger.pin(self.kind) {
                Some(pin) => Err(format!("is pinned by what does not pin here: {pin}")),
                None => self.check_sum(ledger),
            };
        }
        let pin = ledger
            .pin(self.kind)
            .ok_or_else(|| format!("has no {}, but {:?}", self.kind, ledger.kinds()))?;
        let refs = pin["refs"].as_u64().unwrap();
        let is_right = match self.refs {
            Refs::Exactly(right) => refs == right,
            Refs::AtLeast(least) => refs >= least,
        };
        if !is_right {
            return Err(format!("{refs} refs, but {:?}", self.refs));
        }
        self.check_sum(ledger)?;
        for wanted in &self.holders {
            if !ledger.holders(self.kind).any(|holder| has(holder, wanted)) {
                return Err(format!("nobody who is {wanted}: {pin}"));
            }
        }
        for (field, wanted) in &self.exactly {
            if ledger
                .holders(self.kind)
                .any(|holder| holder[*field] != *wanted)
            {
                return Err(format!("{field} is not {wanted}: {pin}"));
            }
        }
        for never in self.never {
            if ledger.advice(never).next().is_some() {
                return Err(format!("is advised to {never}: {ledger:?}"));
            }
        }
        for (action, parts) in &self.advice {
            if !ledger.advises(action, parts) {
                return Err(format!("is not advised to {action} {parts:?}: {ledger:?}"));
            }
        }
        Ok(())
    }

    fn check_sum(&self, ledger: &Ledger) -> Result<(), String> {
        if ledger.unexplained() != Some(0) {
            return Err(format!("not all explained: {ledger:?}"));
        }
        let known = [&[self.kind], self.company, TRANSIENT].concat();
        let stranger = |(kind, _): &&(&str, u64)| !known.contains(kind);
        match ledger.kinds().iter().find(stranger) {
            Some(stranger) => Err(format!("a {stranger:?}: {ledger:?}")),
            None => Ok(()),
        }
    }
}

/// Returns whether a record has all fields of another one; texts need only end alike.
fn has(record: &Value, fields: &Value) -> bool {
    fields.as_object().unwrap().iter().all(|(key, wanted)| {
        let found = &record[key];
        match (found.as_str(), wanted.as_str()) {
            (Some(found), Some(wanted)) => found.ends_with(wanted),
            _ => found == wanted,
        }
    })
}

/// This process as the holder of a file descriptor.
pub fn us(fd: impl AsFd) -> Value {
    let fd = fd.as_fd().as_raw_fd();
    json!({"pid": std::process::id(), "comm": comm(), "fd": fd, "owner_path": "/"})
}

/// The name of this process.
pub fn comm() -> String {
    let comm = std::fs::read_to_string("/proc/self/comm").unwrap();
    comm.trim_end().to_owned()
}

/// Advice to close a descriptor of ours.
pub fn close(fd: impl AsFd) -> (&'static str, Vec<String>) {
    let process = format!("{}[{}]", comm(), std::process::id());
    let fd = fd.as_fd().as_raw_fd();
    ("close_fd", vec![process, fd.to_string()])
}

/// Waits until advice that was followed has freed what it promised.
fn freed(path: &str, before: i64, frees: i64) {
    let other = Cgroup::new("freed");
    eventually("the advice frees what it said", || {
        use_every_cpu(&other);
        let left = ledgers(None);
        let left = left.iter().find(|ledger| ledger.path() == path);
        // A zombie that is gone has no references.
        let refs = left.map_or(0, |left| left.refs().unwrap_or(before));
        println!("{path}: {before} references, {frees} were to be freed, {refs} are left");
        match before - refs >= frees {
            true => Ok(()),
            false => Err(format!(
                "{path} has {refs} of {before}, {frees} less were promised"
            )),
        }
    });
    other.remove();
}

/// `why` tells the removal of a zombie that nobody watched, and what pins it.
fn has_timeline(fixture: &Fixture, other: &Cgroup) {
    eventually("its timeline", || {
        use_every_cpu(other);
        let output = tool::run(&["why", &fixture.path, "--json"]);
        let document: Value = serde_json::from_str(tool::stdout(&output)).unwrap();
        let steps = document["data"]["items"].as_array().unwrap().iter();
        let is = |step: &&Value, fields: Value| has(step, &fields);
        let wanted = [
            json!({"step": "removed", "state": "done", "at_ns": null, "before_ns": null}),
            json!({"step": "offline", "state": "done"}),
            json!({"step": "pin", "state": "now", "pin": fixture.kind}),
            json!({"step": "released", "state": "to_come"}),
        ];
        for fields in wanted {
            if !steps.clone().any(|step| is(&step, fields.clone())) {
                return Err(format!("no {fields}: {document}"));
            }
        }
        match steps.clone().any(|step| step["step"] == "unexplained") {
            true => Err(format!("not all explained: {document}")),
            false => Ok(()),
        }
    });
}

/// Compares the known bugs that an answer looks like with its ledgers.
fn check_bugs(ledgers: &[Ledger], bugs: &[String]) -> Result<(), String> {
    let has = |kinds: &[&str]| {
        let mut pairs = ledgers.iter().flat_map(|ledger| ledger.kinds());
        pairs.any(|(kind, _)| kinds.contains(&kind))
    };
    let lru_pages = ["page_file", "page_shmem", "page_anon", "page_anon_shared"];
    // mm/backing-dev.c: newer kernels give clean inodes away.
    let keeps_inodes = !has_function("cleanup_offline_cgwbs_workfn");
    for (bug, is_here) in [
        ("lru_pages_pin", has(&lru_pages)),
        ("kernel_pages_pin", has(&["page_kmem"])),
        (
            "writeback_keeps_inodes",
            keeps_inodes && has(&["writeback"]),
        ),
    ] {
        if bugs.iter().any(|one| one == bug) != is_here {
            return Err(format!("{bug} is here: {is_here}; found are {bugs:?}"));
        }
    }
    Ok(())
}

/// Checks all fixtures with one query, then follows the advice and waits until the zombies are
/// gone.
pub fn run(parent: &Cgroup, fixtures: Vec<Fixture>) {
    let other = Cgroup::new("other");
    let pinned = fixtures.iter().filter(|fixture| fixture.pins).count() as u64;
    let mut said = Vec::new();
    // A worker of the kernel offlines them; RCU confirms that; the CPUs release their stock.
    eventually("ledgers as they should be", || {
        use_every_cpu(&other);
        let dying = parent.stat("cgroup.stat", "nr_dying_descendants").unwrap();
        if dying < pinned {
            return Err(format!("{dying} of {pinned} are dying"));
        }
        let (all, bugs) = ledgers_and_bugs(None);
        said = all;
        check_bugs(&said, &bugs)?;
        let wrong = fixtures.iter().filter_map(|fixture| {
            let why = fixture.check(&said).err()?;
            Some(format!("\n{} {why}", fixture.path))
        });
        let wrong: String = wrong.collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    });
    for fixture in &fixtures {
        let ledger = said.iter().find(|ledger| ledger.path() == fixture.path);
        match ledger {
            Some(ledger) => println!(
                "{}: {:?}: {}",
                fixture.path,
                ledger.kinds(),
                ledger.sentence()
            ),
            None => println!("{}: not a zombie", fixture.path),
        }
        if let Some(ledger) = ledger.filter(|ledger| !ledger.not_checked().is_empty()) {
            println!("{}: not checked: {:?}", fixture.path, ledger.not_checked());
        }
    }
    let pinned = fixtures.iter().filter(|fixture| fixture.pins);
    let (first, last) = (pinned.clone().next(), pinned.clone().next_back());
    for fixture in first.into_iter().chain(last) {
        has_timeline(fixture, &other);
    }
    let is_gone = |path: &str| said.iter().all(|ledger| ledger.path() != path);
    let gone = fixtures.iter().find(|fixture| is_gone(&fixture.path));
    if let Some(Fixture { path, .. }) = gone {
        // A path that does not exist is an error, and not a zombie without pins.
        tool::assert_fails(&tool::run(&["pins", path]), 1, &[path]);
    }
    for fixture in fixtures {
        let said = said.iter().find(|ledger| ledger.path() == fixture.path);
        let wanted = fixture.advice.iter().map(|(action, _)| *action);
        let promised = said.and_then(|said| Some((said.refs()?, said.promised_refs(wanted)?)));
        (fixture.follow)();
        if let Some((before, frees)) = promised {
            freed(&fixture.path, before, frees);
        }
    }
    let begin = Instant::now();
    eventually("all of them freed", || {
        use_every_cpu(&other);
        match parent.stat("cgroup.stat", "nr_dying_descendants").unwrap() {
            0 => Ok(()),
            dying if begin.elapsed() < DEADLINE / 2 => Err(format!("{dying} are left")),
            // The next query takes long.
            dying => {
                let left = ledgers(None);
                let left = left.iter().map(|ledger| (ledger.path(), ledger.kinds()));
                Err(format!("{dying} are left: {:?}", left.collect::<Vec<_>>()))
            }
        }
    });
}
