//! What can be done on this host, and what each gap costs.

use super::Subject;
use super::attach::foresee;
use super::facts::{Capability, Facts};
use super::hooks::HOOKS;
use crate::sample::doctor::{Doctor, Fact, Verdict};

/// Reports on a host. Attaches nothing: hooks are judged by what the facts tell.
#[must_use]
pub fn report(facts: &Facts) -> Doctor {
    let hooks: Vec<_> = HOOKS
        .iter()
        .map(|hook| foresee(facts, hook, None))
        .collect();
    let unable = facts.unable();
    let facts_told = told(facts);
    let subject_ok = |subject| {
        facts.obstacle_for(subject).is_none()
            && hooks
                .iter()
                .filter(|one| one.hook.subject == subject)
                .all(|one| one.chosen.is_some())
    };
    let verdict = if unable.is_some() || facts.resolved.is_none() {
        Verdict::Unable
    } else if Subject::ALL.into_iter().all(subject_ok) && facts_told.iter().all(|fact| fact.ok) {
        Verdict::Ready
    } else {
        Verdict::Partial
    };
    Doctor {
        verdict,
        facts: facts_told,
        hooks: hooks.iter().map(|one| one.report()).collect(),
    }
}

fn told(facts: &Facts) -> Vec<Fact> {
    let mut all = vec![
        fact("kernel", facts.kernel.clone(), true, "", ""),
        lockdown(facts),
        fact(
            "btf",
            facts
                .btf_error
                .clone()
                .unwrap_or_else(|| super::btf::SYS_BTF.to_owned()),
            facts.btf_error.is_none(),
            "where things are in this kernel is not known: nothing can be traced",
            "a kernel built with CONFIG_DEBUG_INFO_BTF",
        ),
        fact(
            "kprobes",
            if facts.kprobes { "yes" } else { "no" }.to_owned(),
            facts.kprobes,
            "births and deaths of memcgs, and slab frees, are not seen",
            "a kernel built with CONFIG_KPROBE_EVENTS",
        ),
        kallsyms(facts),
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
            "addresses of the kernel are hidden: no slab figures, no names of locks and shrinkers",
        ),
    ] {
        let held = facts.can(capability);
        let value = if held { "held" } else { "missing" }.to_owned();
        all.push(fact(
            name,
            value,
            held,
            costs,
            "run as root, or grant the capability (setcap)",
        ));
    }
    for subject in Subject::ALL {
        let obstacle = facts.obstacle_for(subject);
        let value = match (&obstacle, &facts.resolved) {
            (Some(what), _) => what.clone(),
            (None, Some(_)) => "known".to_owned(),
            (None, None) => "not known without BTF".to_owned(),
        };
        let ok = obstacle.is_none() && facts.resolved.is_some();
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

fn lockdown(facts: &Facts) -> Fact {
    let mode = facts
        .lockdown
        .clone()
        .unwrap_or_else(|| "not built in".to_owned());
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
    let value = match &facts.symbols_error {
        Some(error) => error.clone(),
        None if facts.symbols.visible => format!("{} symbols", facts.symbols.lines),
        None => "all addresses are hidden".to_owned(),
    };
    fact(
        "kallsyms",
        value,
        facts.symbols_error.is_none() && facts.symbols.visible,
        "no slab figures, and locks and shrinkers have no names",
        "CAP_SYSLOG, and kernel.kptr_restrict below 2",
    )
}

fn fact(name: &str, value: String, ok: bool, costs: &str, fix: &str) -> Fact {
    let shown = |text: &str| if ok { String::new() } else { text.to_owned() };
    Fact {
        name: name.to_owned(),
        value,
        ok,
        costs: shown(costs),
        fix: shown(fix),
    }
}
