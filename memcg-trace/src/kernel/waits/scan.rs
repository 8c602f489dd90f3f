//! One scan of all tasks: what each of them waits for.

use std::collections::HashSet;

use super::assembly::{self, Assembly};
use super::classify::{classify, not_read};
use super::ends_on;
use super::events::Events;
use super::family;
use super::finding::Finding;
use super::offline;
use super::percpu_rwsems;
use super::read_once::ReadOnce;
use super::removals::{self, Css};
use super::stacks::{self, Stack, Stacks};
use super::table::{self, How};
use super::threads::{self, Thread, Threads};
use super::view::View;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::host::symbols::Symbols;
use crate::sample::waits::{NotChecked, TaskScan, Waits};

/// What a scan is about, beyond the waits of all tasks.
#[derive(Default)]
pub(in crate::kernel) struct About {
    /// The memory cgroups of the last walk; `None` where there is no list of them.
    pub(in crate::kernel) csses: Option<Vec<Css>>,
    /// The serial number of the memory cgroup whose removal is asked for.
    pub(in crate::kernel) serial_nr: Option<u64>,
    /// The id of the thread that is asked for.
    pub(in crate::kernel) tid: Option<u32>,
}

/// Scans all tasks once, and adds to `waits`.
pub(in crate::kernel) fn scan(
    reader: &Reader<'_>,
    symbols: &Symbols,
    unwound: &Stacks,
    events: &Events,
    begin_ns: u64,
    about: &About,
    waits: &mut Waits,
) -> Result<TaskScan, Unreadable> {
    let threads = Threads::read(reader, stacks::stack_bytes(symbols)?)?;
    let view = View::new(reader, symbols, &threads, unwound, events, begin_ns);
    let mut scan = Scan {
        view: &view,
        read_once: ReadOnce::new(&view),
        stacks: Vec::new(),
        findings: Vec::new(),
        not_checked: &mut waits.not_checked,
    };
    let hotplugger = scan.memory_hotplugger();
    for (at, thread) in threads.all.iter().enumerate() {
        if Some(at) != hotplugger {
            scan.scan_thread(at, thread);
        } else if thread.sleeps() {
            // The task may sleep between two tries, or for good.
            scan.scan_hotplugger(at, thread);
        }
    }
    scan.pages(hotplugger);
    scan.zombies();
    let removals = about
        .csses
        .as_ref()
        .map(|csses| scan.removals(csses, about));
    let asked = threads
        .all
        .iter()
        .position(|one| Some(one.tid) == about.tid);
    let wanted = removals.iter().flat_map(removals::Found::threads);
    let wanted: HashSet<usize> = wanted.chain(asked).collect();
    let Scan {
        stacks, findings, ..
    } = scan;
    let mut look = TaskScan {
        visited_tasks: threads.all.len() as u64,
        truncated_at: threads.truncated.then_some(threads.all.len() as u64),
        ..TaskScan::default()
    };
    let mut assembly = Assembly::new(&view, &mut look, &mut waits.stacks);
    for mut finding in assembly::that_matter(findings, &wanted) {
        events.set_start(&view, &mut finding);
        // If the task ran meanwhile, its data may be from two different sleeps.
        if finding.wait.retry.is_some() || !threads.has_moved(reader, finding.thread) {
            assembly.add(finding);
        }
    }
    if let Some(asked) = asked {
        assembly.task(asked);
    }
    let removals = removals.map(|removals| removals.assemble(&mut assembly));
    look.removals = removals;
    drop(stacks);
    Ok(look)
}

/// A scan in progress.
struct Scan<'a, 'w> {
    view: &'a View<'a>,
    read_once: ReadOnce<'a>,
    /// Stacks of the tasks that wait for something.
    stacks: Vec<(usize, Stack<'a>)>,
    findings: Vec<Finding>,
    not_checked: &'w mut Vec<NotChecked>,
}

impl Scan<'_, '_> {
    fn note(&mut self, what: &str, why: &Unreadable) {
        let note = NotChecked {
            what: what.to_owned(),
            reason: why.to_string(),
        };
        if !self.not_checked.contains(&note) {
            self.not_checked.push(note);
        }
    }

    fn memory_hotplugger(&mut self) -> Option<usize> {
        match percpu_rwsems::memory_hotplugger(self.view) {
            Ok(hotplugger) => hotplugger,
            Err(why) => {
                self.note("mem_hotplug_lock", &why);
                None
            }
        }
    }

    /// Finds the resource that one thread waits for, if any.
    fn scan_thread(&mut self, at: usize, thread: &Thread) {
        if !thread.sleeps() || thread.is_idle() {
            return;
        }
        let unwound = self.view.unwound.of(thread);
        let functions = stacks::functions(self.view.symbols, unwound);
        if let Some(How::Idle) = functions
            .first()
            .and_then(|first| Some(table::row(&[*first])?.1))
        {
            return;
        }
        let view = self.view;
        let stack = match Stack::read(view.reader, view.symbols, view.threads, thread, unwound) {
            Ok(stack) => stack,
            // The thread runs again, or is gone.
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => return,
            Err(why) => return self.note("stacks", &why),
        };
        match classify(self.view, &mut self.read_once, at, thread, &stack) {
            Ok(Some(finding)) => self.found(finding, thread, &stack),
            Ok(None) => {}
            Err(error) => {
                let why = match &error {
                    // Mostly the task was woken meanwhile, and is left out later for that reason.
                    Unreadable::Fault(_) | Unreadable::Changed(_) => {
                        "what it is for changed while it was read".to_owned()
                    }
                    _ => {
                        self.note("waits", &error);
                        format!("what it is for could not be read: {error}")
                    }
                };
                if let Some(finding) = not_read(at, thread, &stack, why) {
                    self.found(finding, thread, &stack);
                }
            }
        }
        self.stacks.push((at, stack));
    }

    /// Finds a wait of the memory hotplugger, other than for pages.
    fn scan_hotplugger(&mut self, at: usize, thread: &Thread) {
        let functions = self.view.functions(at);
        // Between two tries the hotplugger drains the batches of all CPUs (mm/swap.c:
        // lru_add_drain_all()).
        if !functions.contains(&"lru_add_drain_all") {
            self.scan_thread(at, thread);
        }
    }

    fn found(&mut self, mut finding: Finding, thread: &Thread, stack: &Stack<'_>) {
        let wait = &mut finding.wait;
        wait.ends_on = ends_on::signals(thread, stack);
        wait.times_out |= ends_on::has_timer(self.view.symbols, stack);
        if wait.function.is_none() {
            wait.function = stack.sleeps_in().map(str::to_owned);
        }
        self.findings.push(finding);
    }

    /// Pages that the memory hotplugger cannot move.
    fn pages(&mut self, hotplugger: Option<usize>) {
        let Some(hotplugger) = hotplugger else { return };
        match offline::wait(self.view, hotplugger, &self.stacks) {
            Ok(findings) => self.findings.extend(findings),
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
            Err(why) => self.note("pages", &why),
        }
    }

    /// Removals of memory cgroups that are in progress.
    fn removals(&mut self, csses: &[Css], about: &About) -> removals::Found {
        let view = self.view;
        let found = self.read_once.workers().and_then(|workers| {
            removals::find(view, workers, csses, about.serial_nr, &self.stacks)
        });
        found.unwrap_or_else(|why| removals::Found::not_checked(&why))
    }

    fn zombies(&mut self) {
        let view = self.view;
        let is_zombie = |thread: &Thread| thread.exit_state & threads::EXIT_ZOMBIE != 0;
        if !view.threads.all.iter().any(is_zombie) {
            return;
        }
        let family = match self.read_once.family() {
            Ok(family) => family,
            Err(why) => return self.note("zombie tasks", &why),
        };
        let all = 0..view.threads.all.len();
        let findings = all
            .filter(|at| is_zombie(&view.threads.all[*at]))
            .filter_map(|at| family::zombie(view, family, at));
        self.findings.extend(findings);
    }
}
