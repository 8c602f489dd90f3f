//! Waits of all tasks, found after the fact: nothing was traced, so everything is read from the
//! tasks themselves.
//!
//! A sleeper leaves a record on its own stack, by which it is found and woken; the lock that it
//! waits for names its owner; a pipe is open in a task's file table; and the function that a task
//! sleeps in tells the rest (see `table`). No lock is taken meanwhile: a task that ran while it was
//! read is left out, and callers compare two looks.

mod assembly;
mod classify;
mod controllers;
mod descriptors;
mod dumps;
mod family;
mod grace;
mod locks;
mod members;
mod offline;
mod owner;
mod pages;
mod pipes;
mod processes;
mod records;
mod running;
mod servers;
mod stacks;
mod table;
mod threads;
mod traced;
mod work;
mod workers;

use std::cell::{OnceCell, RefCell};

use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::debugger::visible_paths::{VisiblePath, VisiblePaths};
use crate::kernel::host::symbols::{Symbol, Symbols};
use crate::sample::waits::{EndsOn, Evidence, Holder, Look, NotChecked, Resource, Wait, Waits};
use crate::sample::{Mode, ResourceKind, Text};
use assembly::Assembly;
use family::Family;
use pipes::Pipes;
use stacks::Stack;
pub(super) use stacks::{Stacks, Unwound, load as load_stacks, read as read_stacks};
use table::How;
use threads::{Thread, Threads};
pub(super) use traced::Traced;
use workers::Workers;

/// The inputs that all parts of a look share.
struct View<'a> {
    reader: &'a Reader<'a>,
    symbols: &'a Symbols,
    threads: &'a Threads,
    unwound: &'a Stacks,
    traced: &'a Traced,
    /// Start of the look, CLOCK_MONOTONIC.
    begin_ns: u64,
    /// Paths of files, read once a task waits for a file.
    paths: OnceCell<RefCell<VisiblePaths>>,
}

impl View<'_> {
    /// The path of a file, as this process sees it.
    fn path_of(&self, inode: u64, superblock: u64) -> Option<Text> {
        let tasks = || self.threads.all.iter().map(|thread| thread.addr);
        let read = || RefCell::new(VisiblePaths::read(self.reader, tasks()));
        let mut paths = self.paths.get_or_init(read).borrow_mut();
        let path = paths.of_inode(self.reader, inode, superblock);
        path.map(VisiblePath::path_here)
    }

    /// The functions that a thread is in, the innermost first; none while it is on a CPU.
    fn functions(&self, at: usize) -> Vec<&str> {
        stacks::functions(self.symbols, self.unwound.of(&self.threads.all[at]))
    }

    /// The name of a kernel variable. Allocated memory has none.
    fn name_of(&self, address: u64) -> Option<String> {
        /// The kernel's own text and data, and its modules, lie from here on (x86-64,
        /// Documentation/arch/x86/x86_64/mm.rst).
        const SYMBOLS_BEGIN: u64 = 0xffff_ffff_8000_0000;
        (address >= SYMBOLS_BEGIN).then(|| self.symbols.variable_at(address))?
    }
}

/// A holder: the thread with index `at`.
fn holder(at: usize, mode: Mode, evidence: Evidence) -> Holder {
    Holder {
        task: u32::try_from(at).unwrap_or(u32::MAX),
        mode,
        evidence,
        fd: None,
    }
}

/// A wait. Until the wait is in a look, tasks are indices of threads.
struct Finding {
    thread: usize,
    resource: Resource,
    wait: Wait,
    /// Healthy hosts are full of such waits: this one matters only if another task waits for the
    /// thread.
    is_common: bool,
}

impl Finding {
    fn new(thread: usize, resource: Resource, mode: Mode, evidence: Evidence) -> Self {
        let wait = Wait {
            mode,
            evidence,
            ..Wait::default()
        };
        let is_common = match resource.kind {
            ResourceKind::ChildExit
            | ResourceKind::Freezer
            | ResourceKind::Futex
            | ResourceKind::Reap => true,
            ResourceKind::Pipe => mode == Mode::Read,
            _ => false,
        };
        Self {
            thread,
            resource,
            wait,
            is_common,
        }
    }
}

/// Bytes of a stack, `THREAD_SIZE`: those of the first task's, which the linker has laid out
/// (include/asm-generic/vmlinux.lds.h: INIT_TASK_DATA).
fn stack_bytes(symbols: &Symbols) -> Result<u64, Unreadable> {
    let bytes = symbols
        .address(Symbol::InitStackBegin)
        .zip(symbols.address(Symbol::InitStackEnd))
        .and_then(|(begin, end)| end.checked_sub(begin));
    match bytes {
        Some(bytes) if bytes.is_power_of_two() && (8 << 10..=64 << 10).contains(&bytes) => {
            Ok(bytes)
        }
        Some(bytes) => Err(Unreadable::Absent(format!(
            "a stack of {bytes} bytes: unsupported layout"
        ))),
        None => Err(Unreadable::Absent(symbols.no_address(Symbol::InitStackEnd))),
    }
}

/// Looks once at all tasks, and adds the result to `waits`.
pub(super) fn look(
    reader: &Reader<'_>,
    symbols: &Symbols,
    unwound: &Stacks,
    traced: &Traced,
    begin_ns: u64,
    waits: &mut Waits,
) -> Result<Look, Unreadable> {
    let threads = Threads::read(reader, stack_bytes(symbols)?)?;
    let view = View {
        reader,
        symbols,
        threads: &threads,
        unwound,
        traced,
        begin_ns,
        paths: OnceCell::new(),
    };
    let mut looking = Looking {
        view: &view,
        pipes: None,
        family: None,
        workers: None,
        stacks: Vec::new(),
        findings: Vec::new(),
        not_checked: &mut waits.not_checked,
    };
    let mover = looking.memory_hotplugger();
    for (at, thread) in threads.all.iter().enumerate() {
        if Some(at) != mover {
            looking.look_at(at, thread);
        } else if thread.sleeps() {
            // The task may sleep between two tries, or for good.
            looking.look_at_mover(at, thread);
        }
    }
    looking.pages(mover);
    looking.zombies();
    let Looking {
        stacks, findings, ..
    } = looking;
    let mut look = Look {
        visited_tasks: threads.all.len() as u64,
        truncated_at: threads.truncated.then_some(threads.all.len() as u64),
        ..Look::default()
    };
    let mut assembly = Assembly::new(&view, &mut look, &mut waits.stacks);
    for mut finding in assembly::that_matter(findings) {
        traced.date(&view, &mut finding);
        // If the task ran meanwhile, its data may be from two different sleeps.
        if finding.wait.retry.is_some() || !threads.has_moved(reader, finding.thread) {
            assembly.add(finding);
        }
    }
    drop(stacks);
    Ok(look)
}

/// A look in progress.
struct Looking<'a, 'w> {
    view: &'a View<'a>,
    /// Read when the first wait for one is seen.
    pipes: Option<Pipes>,
    /// Read when the first wait for a task is seen.
    family: Option<Family>,
    /// Read when the first wait for a work item is seen.
    workers: Option<Workers>,
    /// Stacks of the tasks that wait for something.
    stacks: Vec<(usize, Stack<'a>)>,
    findings: Vec<Finding>,
    not_checked: &'w mut Vec<NotChecked>,
}

impl Looking<'_, '_> {
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
        match locks::memory_hotplugger(self.view) {
            Ok(mover) => mover,
            Err(why) => {
                self.note("mem_hotplug_lock", &why);
                None
            }
        }
    }

    /// Finds the resource that one thread waits for, if any.
    fn look_at(&mut self, at: usize, thread: &Thread) {
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
        match self.classify(at, thread, &stack) {
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
                if let Some(finding) = classify::not_read(at, thread, &stack, why) {
                    self.found(finding, thread, &stack);
                }
            }
        }
        self.stacks.push((at, stack));
    }

    /// Finds a wait of the memory hotplugger, other than for pages.
    fn look_at_mover(&mut self, at: usize, thread: &Thread) {
        let functions = self.view.functions(at);
        // Between two tries the hotplugger drains the batches of all CPUs (mm/swap.c:
        // lru_add_drain_all()).
        if !functions.contains(&"lru_add_drain_all") {
            self.look_at(at, thread);
        }
    }

    fn found(&mut self, mut finding: Finding, thread: &Thread, stack: &Stack<'_>) {
        let wait = &mut finding.wait;
        wait.ends_on = ends_on(thread, stack);
        wait.times_out |= has_timer(self.view.symbols, stack);
        if wait.function.is_none() {
            wait.function = stack.sleeps_in().map(str::to_owned);
        }
        self.findings.push(finding);
    }

    /// Pages that the memory hotplugger cannot move.
    fn pages(&mut self, mover: Option<usize>) {
        let Some(mover) = mover else { return };
        match offline::wait(self.view, mover, &self.stacks) {
            Ok(findings) => self.findings.extend(findings),
            Err(Unreadable::Fault(_) | Unreadable::Changed(_)) => {}
            Err(why) => self.note("pages", &why),
        }
    }

    fn zombies(&mut self) {
        let view = self.view;
        let is_zombie = |thread: &Thread| thread.exit_state & threads::EXIT_ZOMBIE != 0;
        if !view.threads.all.iter().any(is_zombie) {
            return;
        }
        if let Err(why) = self.family() {
            return self.note("zombie tasks", &why);
        }
        let Some(family) = &self.family else { return };
        let all = 0..view.threads.all.len();
        let findings = all
            .filter(|at| is_zombie(&view.threads.all[*at]))
            .filter_map(|at| family::zombie(view, family, at));
        self.findings.extend(findings);
    }
}

/// The signals that end a sleep. None reaches a task that exits, and while a process dumps core
/// only SIGKILL does (kernel/signal.c: wants_signal(), prepare_signal()).
fn ends_on(thread: &Thread, stack: &Stack<'_>) -> EndsOn {
    let dumps = stack.has(&["do_coredump", "vfs_coredump"]);
    if thread.is_kernel_thread() || thread.exits() {
        EndsOn::Nothing
    } else if thread.state & threads::INTERRUPTIBLE != 0 && !dumps {
        EndsOn::AnySignal
    } else if thread.state & threads::INTERRUPTIBLE != 0 || thread.ends_on_kill() {
        EndsOn::Kill
    } else {
        EndsOn::Nothing
    }
}

/// Returns whether a timer will wake the task: the frames of schedule_timeout() and its variants
/// have one.
fn has_timer(symbols: &Symbols, stack: &Stack<'_>) -> bool {
    let times = |function: &&str| function.contains("_timeout") || function.contains("hrtimeout");
    let wakers =
        [Symbol::ProcessTimeout, Symbol::HrtimerWakeup].map(|symbol| symbols.address(symbol));
    stack.hidden.iter().any(times)
        && stack.words[..stack.hidden_words]
            .iter()
            .any(|word| wakers.contains(&Some(*word)))
}
