//! Stacks of tasks: the functions that the kernel unwinds, and the words that lie there.

use std::collections::HashMap;
use std::io::Read as _;

use anyhow::{Context as _, anyhow};
use aya::programs::{Iter, Program};
use aya::{Btf, Ebpf};
use aya_obj::btf::{BtfType, Func, FuncLinkage};
use memcg_trace_common::stack::{STACK_DEPTH, StackRow};
use zerocopy::FromBytes as _;

use super::table::is_slow_path;
use super::threads::{Thread, Threads};
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::{Reader, words};
use crate::kernel::host::symbols::{Symbol, Symbols};
use crate::timings;

const PROGRAM: &str = "task_stacks";

/// Stacks by address of the task. A task that is on a CPU has none.
#[derive(Debug, Default)]
pub(in crate::kernel) struct Stacks {
    by_task: HashMap<u64, Unwound>,
}

/// The stack of one task.
#[derive(Debug)]
pub(in crate::kernel) struct Unwound {
    /// The task's switch count.
    pub(in crate::kernel) switches: u64,
    /// Return addresses, the innermost first.
    pub(in crate::kernel) functions: Vec<u64>,
}

impl Stacks {
    /// The return addresses of a thread, if it has not run since.
    pub(super) fn of(&self, thread: &Thread) -> Option<&[u64]> {
        let unwound = self.by_task.get(&thread.addr)?;
        (unwound.switches == thread.switches).then_some(&unwound.functions)
    }

    /// The stack of the task at an address; `None` if the task is on a CPU.
    pub(in crate::kernel) fn of_task(&self, task: u64) -> Option<&Unwound> {
        self.by_task.get(&task)
    }
}

/// Loads the iterator, whose type has the id `iterator_id`.
pub(in crate::kernel) fn load(ebpf: &mut Ebpf, iterator_id: Option<u32>) -> anyhow::Result<()> {
    let program = iterator(ebpf)?;
    if program.fd().is_err() {
        let id = iterator_id.context("no iterator over tasks in this kernel's BTF")?;
        let btf = only_function("bpf_iter_task", id);
        timings::program(PROGRAM, || program.load("task", &btf))
            .context("load the iterator over tasks")?;
    }
    Ok(())
}

/// A BTF for aya's lookup with that one function at its id, and nothing else. Loading all types of
/// the kernel would cost more than reading all stacks.
fn only_function(name: &str, id: u32) -> Btf {
    let mut btf = Btf::new();
    let name = btf.add_string(name);
    for _ in 1..id {
        btf.add_type(BtfType::Unknown);
    }
    btf.add_type(BtfType::Func(Func::new(name, 0, FuncLinkage::Global)));
    btf
}

/// Reads the stacks of all tasks.
pub(in crate::kernel) fn read(ebpf: &mut Ebpf) -> anyhow::Result<Stacks> {
    let program = iterator(ebpf)?;
    let link = program.attach().context("attach the iterator over tasks")?;
    let link = program.take_link(link)?;
    let mut file = link.into_file().context("open the iterator over tasks")?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .context("read the iterator over tasks")?;
    let mut stacks = Stacks::default();
    for row in bytes.chunks_exact(size_of::<StackRow>()) {
        let row = StackRow::read_from_bytes(row)
            .map_err(|_| anyhow!("a stack is of another size: built from other sources"))?;
        let depth = usize::try_from(row.bytes / 8).unwrap_or(0).min(STACK_DEPTH);
        if depth > 0 && row.switches == row.switches_after {
            let unwound = Unwound {
                switches: row.switches,
                functions: row.functions[..depth].to_vec(),
            };
            stacks.by_task.insert(row.task, unwound);
        }
    }
    Ok(stacks)
}

fn iterator(ebpf: &mut Ebpf) -> anyhow::Result<&mut Iter> {
    match ebpf.program_mut(PROGRAM) {
        Some(Program::Iter(program)) => Ok(program),
        _ => Err(anyhow!(
            "no program {PROGRAM} in the eBPF object: built from other sources"
        )),
    }
}

/// The stack of a task that sleeps.
#[derive(Debug, Default)]
pub(super) struct Stack<'a> {
    /// Functions, the innermost first; the kernel leaves out those of the scheduler and of sleeping
    /// locks.
    pub(super) functions: Vec<&'a str>,
    /// Functions that were left out, as far as return addresses show them.
    pub(super) hidden: Vec<&'a str>,
    /// Words from the innermost frame on.
    pub(super) words: Vec<u64>,
    /// Number of words that belong to the frames of the functions that were left out.
    pub(super) hidden_words: usize,
    /// The address of the first word.
    pub(super) begin: u64,
}

impl<'a> Stack<'a> {
    pub(super) fn read(
        reader: &Reader<'_>,
        symbols: &'a Symbols,
        threads: &Threads,
        thread: &Thread,
        unwound: Option<&[u64]>,
    ) -> Result<Self, Unreadable> {
        let end = thread.stack + threads.stack_bytes;
        if !(thread.stack..end).contains(&thread.sp) || !thread.sp.is_multiple_of(8) {
            return Err(Unreadable::Changed("a stack"));
        }
        let mut memory = vec![0; usize::try_from(end - thread.sp).unwrap_or(0)];
        reader.memory.read(thread.sp, &mut memory)?;
        let words = words(&memory);
        let all = functions(symbols, unwound);
        // Not every compiler puts all slow paths where the kernel leaves them out.
        let slow = all.iter().take_while(|one| is_slow_path(one)).count();
        let first = unwound.and_then(|unwound| unwound.get(slow));
        let visible = words.iter().position(|word| Some(word) == first);
        let hidden_words = visible.unwrap_or(words.len());
        let hidden = words[..hidden_words].iter();
        let hidden = hidden.filter(|word| symbols.is_sched(**word));
        let hidden = hidden.filter_map(|word| symbols.function_at(*word));
        Ok(Self {
            hidden: hidden.chain(all[..slow].iter().copied()).collect(),
            functions: all[slow..].to_vec(),
            hidden_words,
            begin: thread.sp,
            words,
        })
    }

    /// Returns whether one of the functions is on the stack.
    pub(super) fn has(&self, functions: &[&str]) -> bool {
        self.functions.iter().any(|one| functions.contains(one))
    }

    /// The innermost function that was not left out.
    pub(super) fn sleeps_in(&self) -> Option<&'a str> {
        self.functions.first().copied()
    }

    /// The address of the word with index `at`.
    pub(super) fn address(&self, at: usize) -> u64 {
        self.begin + at as u64 * 8
    }
}

/// Bytes of a stack, `THREAD_SIZE`: those of the first task's, which the linker has laid out
/// (include/asm-generic/vmlinux.lds.h: INIT_TASK_DATA).
pub(super) fn stack_bytes(symbols: &Symbols) -> Result<u64, Unreadable> {
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

/// Names of the functions of a stack.
pub(super) fn functions<'a>(symbols: &'a Symbols, unwound: Option<&[u64]>) -> Vec<&'a str> {
    let unwound = unwound.into_iter().flatten();
    unwound
        .map(|address| symbols.function_at(*address).unwrap_or("?"))
        .collect()
}
