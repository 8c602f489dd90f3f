//! Loading and attaching of the hooks that were requested: facts first, then one loop that tries.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;

use anyhow::{Context as _, anyhow};
use aya::maps::MapData;
use aya::programs::{KProbe, Program, ProgramFd, RawTracePoint};
use aya::{Btf, Ebpf, include_bytes_aligned};
use memcg_trace_common::hold::LOCK_STACKS;
use zerocopy::IntoBytes as _;

use crate::kernel::Subject;
use crate::kernel::hooks::blind;
use crate::kernel::hooks::facts::Facts;
use crate::kernel::hooks::map_memory;
use crate::kernel::hooks::patch_object;
use crate::kernel::hooks::select::{Outcome, obstacle, obstacles, try_in_order};
use crate::kernel::hooks::{At, Family, HOOKS, Hook, Part, Variant, iterated};
use crate::kernel::host::cpus::possible_cpus;
use crate::timings;

/// The eBPF object that build.rs made.
static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/memcg-trace.bpf.o"));

/// The map of tables of slab keys that move, one table for each CPU.
pub(crate) const SLAB_HOT: &str = "SLAB_HOT";
/// The map of objects that are known by a place in those tables
/// (memcg-trace-ebpf/src/slab_known.rs).
pub(crate) const SLAB_KNOWN: &str = "SLAB_KNOWN";

/// The large maps. Those of a subject that is not observed are made as small as possible: the
/// kernel takes longer to make and free them than to answer most questions.
const MAPS: &[(&str, Subject)] = &[
    ("LIFE", Subject::Life),
    ("SLAB", Subject::Slab),
    (SLAB_HOT, Subject::Slab),
    (SLAB_KNOWN, Subject::Slab),
    ("SHRINKERS", Subject::Shrinker),
    ("SHRINKER_RUNS", Subject::Shrinker),
    ("SHRINKER_TIMES", Subject::Shrinker),
    ("RECLAIM", Subject::Reclaim),
    ("RECLAIMERS", Subject::Reclaim),
    ("STALLED_TASKS", Subject::Reclaim),
    ("STALL_TIMES", Subject::Reclaim),
    ("THROTTLED", Subject::Reclaim),
    ("WAITS", Subject::Lock),
    ("LOCKS", Subject::Lock),
    ("LOCK_STACKS", Subject::Lock),
    ("LOCK_TIMES", Subject::Lock),
    ("HOLDS", Subject::Lock),
    ("RELEASED", Subject::Lock),
    ("RELEASES", Subject::Lock),
];

/// The depth of stacks in maps of stacks that aya makes (PERF_MAX_STACK_DEPTH).
const AYA_STACK_FUNCTIONS: u32 = 127;
const WORD_BYTES: u32 = 8;

/// Opens the object with the layout in place. Nothing is loaded into the kernel but its maps.
///
/// # Errors
/// If the kernel refuses the maps, or the layout is not known.
pub fn open(facts: &Facts, subjects: &[Subject], debug: bool) -> anyhow::Result<Ebpf> {
    let resolved = facts
        .resolved
        .as_ref()
        .context("resolve the kernel's layout: no BTF")?;
    let layout = resolved.layout.as_bytes();
    let mut object = OBJECT.to_vec();
    patch_object::complete(&mut object, &resolved.layout, resolved.rdonly_cast);
    let object = with_stacks(object, facts.stack_functions);
    timings::step("object completed");
    // Log messages cost a branch, which the verifier removes unless they are requested.
    let log_level: u8 = if debug { 0xff } else { 0 };
    let mut loader = blind::loader();
    loader
        .override_global("LAYOUT", layout, true)
        .override_global("AYA_LOG_LEVEL", &log_level, false);
    let mut entries = HashMap::from([(SLAB_HOT, possible_cpus())]);
    let unused = MAPS
        .iter()
        .filter(|(_, subject)| !subjects.contains(subject));
    entries.extend(unused.map(|(map, _)| (*map, 1)));
    for (map, entries) in &entries {
        loader.map_max_entries(map, *entries);
    }
    loader
        .load(&object)
        .map_err(|error| map_memory::explain(&object, &entries, error))
}

/// The object with a `LOCK_STACKS` for stacks no deeper than the kernel keeps: it refuses any other
/// such map (kernel/bpf/stackmap.c: stack_map_alloc()). aya lets a loader change the number of
/// entries of a map, but not their size.
fn with_stacks(mut object: Vec<u8>, functions: Option<u32>) -> Vec<u8> {
    /// The beginning of `struct bpf_map_def`: type and size of the key. The size of the value and
    /// the number of entries follow.
    const STACK_TRACE: [u32; 2] = [7, 4];
    let bytes = |words: [u32; 2]| words.map(u32::to_le_bytes).concat();
    if let Some(functions) = functions.filter(|functions| *functions < AYA_STACK_FUNCTIONS) {
        let wanted = bytes(STACK_TRACE);
        let size = [AYA_STACK_FUNCTIONS * WORD_BYTES, LOCK_STACKS];
        let wanted = [wanted, bytes(size)].concat();
        let at = object
            .windows(wanted.len())
            .position(|some| *some == wanted);
        if let Some(place) = at.and_then(|at| object.get_mut(at + 8..at + 12)) {
            place.copy_from_slice(&(functions * WORD_BYTES).to_le_bytes());
        }
    }
    object
}

/// Loads a program that is run on demand and never attached.
///
/// # Errors
/// If the object has no such program, or the kernel refuses it.
pub fn load_walk<'a>(ebpf: &'a mut Ebpf, program: &str) -> anyhow::Result<&'a mut RawTracePoint> {
    let found: &mut RawTracePoint = find(ebpf, program)?
        .try_into()
        .with_context(|| format!("program {program} is no raw tracepoint"))?;
    if found.fd().is_err() {
        timings::program(program, || found.load())
            .map_err(|error| explain(format!("load the walk {program}"), error))?;
    }
    Ok(found)
}

/// Loads a kprobe program ahead of its hook, for a map of programs.
///
/// # Errors
/// If the object has no such program, or the kernel refuses it.
pub fn load_kprobe(ebpf: &mut Ebpf, program: &str) -> anyhow::Result<ProgramFd> {
    let found: &mut KProbe = find(ebpf, program)?
        .try_into()
        .with_context(|| format!("program {program} is no kprobe"))?;
    if found.fd().is_err() {
        timings::program(program, || found.load())
            .map_err(|error| explain(format!("load {program}"), error))?;
    }
    Ok(found.fd()?.try_clone()?)
}

/// Attaches the hooks of `subjects`, each by the first of its variants that works.
pub fn attach_all(
    ebpf: &mut Ebpf,
    facts: &Facts,
    subjects: &[Subject],
    asked: Option<Family>,
) -> Vec<Outcome> {
    let wanted = HOOKS.iter().filter(|hook| subjects.contains(&hook.subject));
    wanted
        .map(|hook| attach_one(ebpf, facts, hook, asked))
        .collect()
}

fn attach_one(
    ebpf: &mut Ebpf,
    facts: &Facts,
    hook: &'static Hook,
    asked: Option<Family>,
) -> Outcome {
    try_in_order(hook, asked, |variant| {
        if let Some(why) = obstacles(variant, facts) {
            return Err(why);
        }
        attach_variant(ebpf, facts, variant).map_err(|error| format!("{error:#}"))
    })
}

/// Attaches all parts of a variant, or none.
fn attach_variant(ebpf: &mut Ebpf, facts: &Facts, variant: &Variant) -> anyhow::Result<()> {
    let mut done: Vec<&str> = Vec::new();
    for part in variant.parts {
        if part.optional && obstacle(part, facts).is_some() {
            continue;
        }
        let attached = attach_part(ebpf, facts, part);
        if let Err(error) = attached {
            if part.optional {
                log::debug!("{error:#}");
                continue;
            }
            for program in done {
                unload(ebpf, program);
            }
            return Err(error);
        }
        done.push(part.program);
    }
    Ok(())
}

pub(crate) fn attach_part(ebpf: &mut Ebpf, facts: &Facts, part: &Part) -> anyhow::Result<()> {
    let place = part.at.name();
    let load = || format!("load {} for {place}", part.program);
    let attach = || format!("attach {} to {place}", part.program);
    if let At::Iterated(function) = part.at {
        iterate(ebpf, iterated(function))?;
    }
    let program = find(ebpf, part.program)?;
    match (program, part.at) {
        (Program::RawTracePoint(program), At::Tracepoint(name)) => {
            if program.fd().is_err() {
                timings::program(part.program, || program.load())
                    .map_err(|error| explain(load(), error))?;
            }
            program
                .attach(name)
                .map_err(|error| explain(attach(), error))?;
        }
        (Program::KProbe(program), At::Kprobe(name) | At::Iterated(name)) => {
            let name = facts.symbols.function(name).unwrap_or(name);
            if program.fd().is_err() {
                timings::program(part.program, || program.load())
                    .map_err(|error| explain(load(), error))?;
            }
            // The kernel searches a name among all of its symbols, until 6.2 one by one; without a
            // name it takes the offset as the address (kernel/trace/trace_event_perf.c:
            // perf_kprobe_init()).
            let (name, offset) = match facts.symbols.function_address(name) {
                Some(address) => ("", address),
                None => (name, 0),
            };
            program.attach(name, offset).map_err(|error| {
                let is_refused = is_refused(&error);
                let error = explain(attach(), error);
                match is_refused {
                    true => error.context(facts.privilege.refuses_kprobes().sentence()),
                    false => error,
                }
            })?;
        }
        (Program::FEntry(program), At::Fentry(name)) => {
            let btf = Btf::from_sys_fs().with_context(load)?;
            program
                .load(name, &btf)
                .map_err(|error| explain(load(), error))?;
            program.attach().map_err(|error| explain(attach(), error))?;
        }
        (Program::FExit(program), At::Fexit(name)) => {
            let btf = Btf::from_sys_fs().with_context(load)?;
            program
                .load(name, &btf)
                .map_err(|error| explain(load(), error))?;
            program.attach().map_err(|error| explain(attach(), error))?;
        }
        _ => anyhow::bail!("program {} is not made for {place}", part.program),
    }
    Ok(())
}

/// Has the kernel call `__traceiter_…` for a tracepoint, which it does only if two programs are
/// attached (memcg-trace-ebpf/src/iterated.rs).
fn iterate(ebpf: &mut Ebpf, tracepoint: &str) -> anyhow::Result<()> {
    let program: &mut RawTracePoint = find(ebpf, "iterate")?.try_into()?;
    if program.fd().is_err() {
        timings::program("iterate", || program.load())
            .map_err(|error| explain("load iterate".to_owned(), error))?;
    }
    for _ in 0..2 {
        program
            .attach(tracepoint)
            .with_context(|| format!("attach to {tracepoint}"))?;
    }
    Ok(())
}

/// Unloads a program, which detaches it from everywhere.
fn unload(ebpf: &mut Ebpf, name: &str) {
    let result = match ebpf.program_mut(name) {
        Some(Program::RawTracePoint(program)) => program.unload(),
        Some(Program::KProbe(program)) => program.unload(),
        Some(Program::FEntry(program)) => program.unload(),
        Some(Program::FExit(program)) => program.unload(),
        _ => Ok(()),
    };
    if let Err(error) = result {
        log::debug!("unload {name}: {error}");
    }
}

fn find<'a>(ebpf: &'a mut Ebpf, program: &str) -> anyhow::Result<&'a mut Program> {
    ebpf.program_mut(program)
        .ok_or_else(|| anyhow!("no program {program} in the eBPF object: built from other sources"))
}

/// An error of aya with all its causes in one line; the verifier's log is shown with `-v` only.
fn explain(what: String, error: aya::programs::ProgramError) -> anyhow::Error {
    if let aya::programs::ProgramError::LoadError {
        io_error,
        verifier_log,
    } = &error
    {
        log::info!("{what}: the verifier says:\n{verifier_log}");
        let log = verifier_log.to_string();
        let last: Cow<'_, str> = match log.lines().rev().find(|line| is_reason(line)) {
            Some(line) => format!(": {line}").into(),
            None => "".into(),
        };
        return anyhow!("{what}: {io_error}{last} (-v shows all that the verifier says)");
    }
    anyhow::Error::new(error).context(what)
}

/// Whether an error means that this user lacks the permission.
fn is_refused(error: &aya::programs::ProgramError) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() == io::ErrorKind::PermissionDenied;
        }
        cause = error.source();
    }
    false
}

/// Whether a line of the verifier's log is about the program, and not about the verifier's own work
/// (kernel/bpf/verifier.c: print_verification_stats()).
fn is_reason(line: &str) -> bool {
    const STATISTICS: [&str; 4] = [
        "processed",
        "insns processed",
        "stack depth",
        "verification time",
    ];
    !line.trim().is_empty() && !STATISTICS.iter().any(|word| line.starts_with(word))
}

/// Takes a map out of the object.
///
/// # Errors
/// If there is no map of that name and kind.
pub fn take_map<M>(ebpf: &mut Ebpf, name: &str) -> anyhow::Result<M>
where
    M: TryFrom<aya::maps::Map, Error = aya::maps::MapError>,
{
    let map = ebpf
        .take_map(name)
        .ok_or_else(|| anyhow!("no map {name} in the eBPF object: built from other sources"))?;
    M::try_from(map).with_context(|| format!("open the map {name}"))
}

/// A map of one value.
pub type One<T> = aya::maps::Array<MapData, crate::kernel::maps::value::Wire<T>>;
