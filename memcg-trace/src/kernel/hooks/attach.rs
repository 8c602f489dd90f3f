//! Attaching of the hooks that were requested: facts first, then one loop that tries.

use anyhow::Context as _;
use aya::programs::{Program, RawTracePoint};
use aya::{Btf, Ebpf};

use crate::kernel::Subject;
use crate::kernel::hooks::facts::Facts;
use crate::kernel::hooks::programs::{explain, find, is_refused, unload};
use crate::kernel::hooks::select::{Outcome, obstacle, obstacles, try_in_order};
use crate::kernel::hooks::tail_calls;
use crate::kernel::hooks::{At, Family, HOOKS, Hook, Part, Variant, tracepoint_of};
use crate::timings;

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
    if let At::Traceiter(function) = part.at {
        call_traceiter(ebpf, tracepoint_of(function))?;
    }
    tail_calls::prepare(ebpf, part.program)?;
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
        (Program::KProbe(program), At::Kprobe(name) | At::Traceiter(name)) => {
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
/// attached (memcg-trace-ebpf/src/hooks/traceiter.rs).
fn call_traceiter(ebpf: &mut Ebpf, tracepoint: &str) -> anyhow::Result<()> {
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
