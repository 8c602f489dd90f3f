//! The doctor's report: what can be observed on this host, and the consequence of each gap.

use memcg_trace_common::stack::STACK_DEPTH;

use super::fact::fact;
use crate::kernel::Subject;
use crate::kernel::hooks::facts::Facts;
use crate::kernel::hooks::refusals::Refusals;
use crate::kernel::hooks::select::predict;
use crate::kernel::hooks::{Family, HOOKS};
use crate::kernel::host::privilege::Capability;
use crate::kernel::host::symbols::Symbol;
use crate::sample::doctor::{Doctor, Fact, Verdict};

/// Reports on a host; variants of the family `asked` are preferred. Nothing is attached: hooks are
/// judged by the facts, and by the trial.
#[must_use]
pub fn report(facts: &Facts, asked: Option<Family>) -> Doctor {
    let hooks: Vec<_> = HOOKS
        .iter()
        .map(|hook| predict(facts, hook, asked))
        .collect();
    let unable = facts.unable();
    let mut all_facts = of_host(facts);
    if facts.is_of_files {
        not_in_files(facts, &mut all_facts);
    }
    let subject_ok = |subject| {
        facts.obstacle_for(subject).is_none()
            && hooks
                .iter()
                .filter(|one| one.hook.subject == subject)
                .all(|one| one.chosen.is_some())
    };
    let is_ok = |fact: &Fact| fact.ok != Some(false);
    let verdict = if unable.is_some() || facts.resolved.is_none() {
        Verdict::Unable
    } else if Subject::ALL.iter().copied().all(subject_ok) && all_facts.iter().all(is_ok) {
        Verdict::Ready
    } else {
        Verdict::Partial
    };
    Doctor {
        verdict,
        facts: all_facts,
        hooks: hooks.iter().map(|one| one.report()).collect(),
    }
}

fn of_host(facts: &Facts) -> Vec<Fact> {
    let mut all = vec![
        fact("kernel", facts.kernel.clone(), true, "", ""),
        lockdown(facts),
        fact(
            "memory_controller",
            match facts.memory_is_v1 {
                Some(true) => "cgroup version 1",
                Some(false) => "cgroup version 2",
                None => "not known: nothing that is one is at /sys/fs/cgroup",
            }
            .to_owned(),
            facts.memory_is_v1 != Some(true),
            "version 1 has no memory.high, which is shown as unlimited, and no memory.reclaim, \
             which is never advised; usage lacks that of children without memory.use_hierarchy",
            "boot with systemd.unified_cgroup_hierarchy=1",
        ),
        fact(
            "btf",
            facts
                .btf_error
                .clone()
                .unwrap_or_else(|| crate::kernel::host::btf::SYS_BTF.to_owned()),
            facts.btf_error.is_none(),
            "where things are in this kernel is not known: nothing can be traced",
            "a kernel built with CONFIG_DEBUG_INFO_BTF",
        ),
        fact(
            "kprobes",
            if facts.kprobes { "yes" } else { "no" }.to_owned(),
            facts.kprobes,
            "births and deaths of memcgs, and slab frees, cannot be seen: nothing can be traced",
            "a kernel built with CONFIG_KPROBE_EVENTS",
        ),
        kallsyms(facts),
        stacks(facts),
        fact(
            "available_filter_functions",
            if facts.traceable.is_some() {
                "readable"
            } else {
                "not readable"
            }
            .to_owned(),
            true,
            "",
            "",
        ),
    ];
    for (capability, name, costs) in [
        (
            Capability::Bpf,
            "cap_bpf",
            "no program can be loaded: nothing can be traced",
        ),
        (
            Capability::Perfmon,
            "cap_perfmon",
            "no program can be attached: nothing can be traced",
        ),
        (
            Capability::Syslog,
            "cap_syslog",
            "addresses of the kernel are hidden: see kallsyms",
        ),
    ] {
        let held = facts.privilege.can(capability);
        let value = if held { "held" } else { "missing" }.to_owned();
        // Some hosts show addresses to all users.
        let is_needed = capability != Capability::Syslog || !facts.symbols.visible;
        all.push(fact(
            name,
            value,
            held || !is_needed,
            costs,
            "run as root, or grant the capability (setcap)",
        ));
    }
    all.extend(
        facts
            .refusals
            .as_ref()
            .map(|refusals| tried(facts, refusals))
            .into_iter()
            .flatten(),
    );
    for subject in Subject::ALL.iter().copied() {
        let obstacle = facts.obstacle_for(subject);
        let ok = obstacle.is_none();
        let value = obstacle.unwrap_or_else(|| "known".to_owned());
        let costs = format!("no {} figures", subject.name());
        let fix = "a newer memcg-trace, or report this kernel to its authors";
        all.push(fact(
            &format!("layout_{}", subject.name()),
            value,
            ok,
            &costs,
            fix,
        ));
    }
    all
}

/// Facts that only a running host has.
const OF_HOSTS: &[&str] = &[
    "kernel",
    "lockdown",
    "memory_controller",
    "kprobes",
    "stacks",
    "available_filter_functions",
    "cap_bpf",
    "cap_perfmon",
    "cap_syslog",
];

/// Marks the facts that a kernel's files do not have.
fn not_in_files(facts: &Facts, all: &mut [Fact]) {
    let without_symbols = !facts.has_symbols();
    let needs_symbols = |name: &str| {
        let symbols = Symbol::ALL.iter();
        let mut subjects = symbols.flat_map(|symbol| symbol.needed_by());
        subjects.any(|subject| name == format!("layout_{}", subject.name()))
    };
    for fact in all {
        let why = match &*fact.name {
            "btf" => {
                fact.value = "read of the file".to_owned();
                continue;
            }
            "kallsyms" if !without_symbols && fact.ok == Some(false) => {
                fact.value = "no addresses are in the file".to_owned();
                fact.fix = "copy /proc/kallsyms as root".to_owned();
                continue;
            }
            name if OF_HOSTS.contains(&name) => "not tried",
            "kallsyms" if without_symbols => "no symbols were given",
            name if without_symbols && fact.ok == Some(true) && needs_symbols(name) => {
                "its fields are, its addresses are not"
            }
            _ => continue,
        };
        *fact = Fact {
            name: std::mem::take(&mut fact.name),
            value: format!("not known: {why}"),
            ok: None,
            costs: String::new(),
            fix: String::new(),
        };
    }
}

/// The results of the trial.
fn tried(facts: &Facts, refusals: &Refusals) -> [Fact; 3] {
    let one = |name, refused: &Option<String>, costs, fix| {
        let value = refused
            .clone()
            .unwrap_or_else(|| "tried, and works".to_owned());
        fact(name, value, refused.is_none(), costs, fix)
    };
    [
        one(
            "programs",
            &refusals.programs,
            "no program can be loaded: nothing can be traced",
            "see what the kernel says",
        ),
        one(
            "tracepoint_attach",
            &refusals.tracepoint,
            "what only tracepoints see is missing, see the hooks",
            "see what the kernel says",
        ),
        one(
            "kprobe_attach",
            &refusals.kprobe,
            "what only kprobes see is missing, see the hooks: births and deaths of memcgs, slab \
             frees, whose limit is reclaimed for",
            facts.privilege.refuses_kprobes().fix,
        ),
    ]
}

fn lockdown(facts: &Facts) -> Fact {
    let mode = facts
        .lockdown
        .clone()
        .unwrap_or_else(|| "not shown by /sys/kernel/security".to_owned());
    let locked = mode == "confidentiality";
    fact(
        "lockdown",
        mode,
        !locked,
        "the kernel refuses tracing programs: nothing can be traced",
        "boot without lockdown=confidentiality",
    )
}

fn kallsyms(facts: &Facts) -> Fact {
    let refusal = facts.privilege.hides_addresses();
    let value = match &facts.symbols_error {
        Some(error) => error.clone(),
        None if facts.symbols.visible => format!("{} symbols", facts.symbols.lines),
        None => refusal.why.to_owned(),
    };
    fact(
        "kallsyms",
        value,
        facts.symbols_error.is_none() && facts.symbols.visible,
        "no slab figures, no answer to who waits for whom, and locks and shrinkers have no names",
        refusal.fix,
    )
}

fn stacks(facts: &Facts) -> Fact {
    let value = match facts.stack_functions {
        Some(functions) => format!("of up to {functions} functions"),
        None => "not shown by /proc/sys/kernel".to_owned(),
    };
    let is_enough = |functions| functions as usize >= STACK_DEPTH;
    fact(
        "stacks",
        value,
        facts.stack_functions.is_none_or(is_enough),
        "stacks of waits are cut off, and a wait may not be recognised; with 0 nothing can be \
         traced",
        "sysctl kernel.perf_event_max_stack=127",
    )
}

#[cfg(test)]
mod tests;
