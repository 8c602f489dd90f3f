//! What can be done on this host, and what each gap costs.

use memcg_trace_common::stack::STACK_DEPTH;

use crate::kernel::Subject;
use crate::kernel::hooks::facts::Facts;
use crate::kernel::hooks::select::foresee;
use crate::kernel::hooks::trial::Trial;
use crate::kernel::hooks::{Family, HOOKS};
use crate::kernel::host::privilege::Capability;
use crate::sample::doctor::{Doctor, Fact, Verdict};

/// Reports on a host, with the family of hooks that was asked for first. Attaches nothing: hooks
/// are judged by what the facts tell, and by what was tried.
#[must_use]
pub fn report(facts: &Facts, asked: Option<Family>) -> Doctor {
    let hooks: Vec<_> = HOOKS
        .iter()
        .map(|hook| foresee(facts, hook, asked))
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
    } else if Subject::ALL.iter().copied().all(subject_ok) && facts_told.iter().all(|fact| fact.ok)
    {
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
        // Some hosts show addresses to everybody.
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
            .trial
            .as_ref()
            .map(|trial| tried(facts, trial))
            .into_iter()
            .flatten(),
    );
    for subject in Subject::ALL.iter().copied() {
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

/// What the kernel said when it was tried.
fn tried(facts: &Facts, trial: &Trial) -> [Fact; 3] {
    let one = |name, refused: &Option<String>, costs, fix| {
        let value = refused
            .clone()
            .unwrap_or_else(|| "tried, and works".to_owned());
        fact(name, value, refused.is_none(), costs, fix)
    };
    [
        one(
            "programs",
            &trial.programs,
            "no program can be loaded: nothing can be traced",
            "see what the kernel says",
        ),
        one(
            "tracepoint_attach",
            &trial.tracepoint,
            "what only tracepoints see is missing, see the hooks",
            "see what the kernel says",
        ),
        one(
            "kprobe_attach",
            &trial.kprobe,
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use super::*;
    use crate::kernel::host::privilege::Privilege;
    use crate::kernel::host::symbols::Symbols;
    use crate::kernel::layout::cost::Cost;
    use crate::kernel::layout::fields::Fields;
    use crate::kernel::layout::inodes::Inodes;
    use crate::kernel::layout::pages::Pages;
    use crate::kernel::layout::swap::SwapOwners;
    use crate::kernel::layout::{Missing, Resolved};
    use crate::kernel::{Subject, hooks};
    use memcg_trace_common::layout::Layout;

    /// A host that can do everything: each test takes one thing away.
    fn capable() -> Facts {
        let names: Vec<&str> = hooks::functions().collect();
        let text: String = (1..)
            .zip(&names)
            .map(|(at, name)| format!("{at:016x} T {name}\n"))
            .collect();
        let wanted: HashSet<&str> = names.iter().copied().collect();
        let mut layout = Layout::absent();
        layout.alloc_cache_arg = 2;
        layout.shrink_slab_memcg_arg = 2;
        Facts {
            kernel: "6.12.0".to_owned(),
            resolved: Some(Resolved {
                layout,
                super_cache_scan: 1,
                memcg_aware_mask: 8,
                counts_kprobe_misses: true,
                fields: Fields::default(),
                cost: Cost::default(),
                pages: Pages::default(),
                inodes: Inodes::default(),
                file_ref_bias: 0,
                inode_bytes: 0,
                pipe_buffer_bytes: 0,
                swap_owners: SwapOwners::default(),
                mm_swapents: 2,
                rdonly_cast: None,
                task_iterator: None,
                memory_cgrp_id: 4,
                task_bytes: 0,
                missing: Vec::new(),
            }),
            btf_error: None,
            symbols: Arc::new(Symbols::parse(text.as_bytes(), &wanted).unwrap()),
            symbols_error: None,
            privilege: Privilege {
                capabilities: 1 << 38 | 1 << 39 | 1 << 34,
                kptr_restrict: Some(1),
                perf_event_paranoid: Some(3),
            },
            trial: Some(Trial::default()),
            lockdown: Some("none".to_owned()),
            memory_is_v1: Some(false),
            kprobes: true,
            stack_functions: Some(127),
            traceable: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            tracepoints: hooks::tracepoints().collect(),
            prototypes: wanted
                .iter()
                .filter_map(|name| names.iter().find(|one| *one == name))
                .copied()
                .collect(),
        }
    }

    fn chosen<'a>(report: &'a Doctor, fact: &str) -> Option<&'a str> {
        let hook = report.hooks.iter().find(|hook| hook.fact == fact).unwrap();
        hook.chosen.as_deref()
    }

    fn not_ok(report: &Doctor) -> Vec<&str> {
        report
            .facts
            .iter()
            .filter(|fact| !fact.ok)
            .map(|fact| fact.name.as_str())
            .collect()
    }

    #[test]
    fn a_capable_host_is_ready() {
        let report = report(&capable(), None);
        assert_eq!(report.verdict, Verdict::Ready, "{report:#?}");
        assert_eq!(
            chosen(&report, "slab_free"),
            Some("kprobe:__memcg_slab_free_hook")
        );
        assert_eq!(not_ok(&report), [""; 0]);
    }

    #[test]
    fn what_nothing_works_without_is_named() {
        type TakeAway = fn(&mut Facts);
        let without: [(&str, TakeAway); 6] = [
            ("stacks", |facts| facts.stack_functions = Some(0)),
            ("kprobes", |facts| facts.kprobes = false),
            ("lockdown", |facts| {
                facts.lockdown = Some("confidentiality".to_owned())
            }),
            ("btf", |facts| {
                (facts.btf_error, facts.resolved) = (Some("gone".to_owned()), None)
            }),
            ("cap_bpf", |facts| {
                facts.privilege.capabilities &= !(1 << 39)
            }),
            ("cap_perfmon", |facts| {
                facts.privilege.capabilities &= !(1 << 38)
            }),
        ];
        for (name, take_away) in without {
            let mut facts = capable();
            take_away(&mut facts);
            let report = report(&facts, None);
            assert_eq!(report.verdict, Verdict::Unable, "{name}");
            assert!(
                not_ok(&report).contains(&name),
                "{name}: {:?}",
                not_ok(&report)
            );
            assert!(facts.unable().is_some(), "{name}");
        }
    }

    #[test]
    fn a_missing_field_costs_its_subject_only() {
        let mut facts = capable();
        let missing = Missing {
            subject: Subject::Slab,
            what: "page.x".to_owned(),
        };
        facts.resolved.as_mut().unwrap().missing.push(missing);
        let report = report(&facts, None);
        assert_eq!(report.verdict, Verdict::Partial);
        assert_eq!(not_ok(&report), ["layout_slab"]);
    }

    #[test]
    fn without_tracepoints_waits_are_seen_by_kprobes() {
        let mut facts = capable();
        facts.tracepoints.remove("contention_begin");
        let report = report(&facts, None);
        assert!(
            chosen(&report, "lock_wait").unwrap().starts_with("kprobe:"),
            "{report:#?}"
        );
    }

    #[test]
    fn where_a_free_is_traced_too_late_kprobes_see_it() {
        let mut facts = capable();
        facts.resolved.as_mut().unwrap().layout = Layout::absent();
        let symbols = Symbols::parse(
            "0000000000000001 T kmem_cache_free\n0000000000000002 T kmem_cache_free_bulk\n"
                .as_bytes(),
            &HashSet::from(["kmem_cache_free", "kmem_cache_free_bulk"]),
        );
        facts.symbols = Arc::new(symbols.unwrap());
        let report = report(&facts, None);
        assert!(
            chosen(&report, "slab_free")
                .unwrap()
                .starts_with("kprobe:kmem_cache_free+")
        );
    }

    #[test]
    fn hidden_addresses_are_named() {
        let mut facts = capable();
        Arc::get_mut(&mut facts.symbols).unwrap().visible = false;
        facts.privilege.kptr_restrict = Some(2);
        let of_all = report(&facts, None);
        assert_eq!(not_ok(&of_all), ["kallsyms"]);
        let fix = |report: &Doctor| {
            let kallsyms = report.facts.iter().find(|fact| fact.name == "kallsyms");
            kallsyms.unwrap().fix.clone()
        };
        assert_eq!(fix(&of_all), "sysctl kernel.kptr_restrict=1");
        facts.privilege.kptr_restrict = Some(1);
        facts.privilege.capabilities &= !(1 << 34);
        let of_one = report(&facts, None);
        assert_eq!(not_ok(&of_one), ["kallsyms", "cap_syslog"]);
        assert!(fix(&of_one).starts_with("grant CAP_SYSLOG"));
    }

    #[test]
    fn what_the_kernel_refuses_when_tried_is_not_ready() {
        let mut facts = capable();
        let refused = |what: &str| Some(format!("{what}: Permission denied"));
        facts.trial.as_mut().unwrap().kprobe = refused("attach");
        let no_kprobes = report(&facts, None);
        assert_eq!(no_kprobes.verdict, Verdict::Partial);
        assert_eq!(not_ok(&no_kprobes), ["kprobe_attach"]);
        assert_eq!(chosen(&no_kprobes, "memcg_life"), None);
        assert!(chosen(&no_kprobes, "slab_alloc").is_some());
        facts.trial.as_mut().unwrap().programs = refused("load");
        assert_eq!(report(&facts, None).verdict, Verdict::Unable);
    }
}
