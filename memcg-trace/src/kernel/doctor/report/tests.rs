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
        is_of_files: false,
        kernel: "6.12.0".to_owned(),
        resolved: Some(Resolved {
            layout,
            super_cache_scan: 1,
            memcg_aware_mask: 8,
            counts_kprobe_misses: true,
            fields: Fields::default(),
            cost: Cost::default(),
            pages: Pages::default(),
            persistent_name: None,
            inodes: Inodes::default(),
            memcg_counters: Vec::new(),
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
        refusals: Some(Refusals::default()),
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
        .filter(|fact| fact.ok == Some(false))
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
        "0000000000000001 T kmem_cache_free\n0000000000000002 T kmem_cache_free_bulk\n".as_bytes(),
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
    facts.refusals.as_mut().unwrap().kprobe = refused("attach");
    let no_kprobes = report(&facts, None);
    assert_eq!(no_kprobes.verdict, Verdict::Partial);
    assert_eq!(not_ok(&no_kprobes), ["kprobe_attach"]);
    assert_eq!(chosen(&no_kprobes, "memcg_life"), None);
    assert!(chosen(&no_kprobes, "slab_alloc").is_some());
    facts.refusals.as_mut().unwrap().programs = refused("load");
    assert_eq!(report(&facts, None).verdict, Verdict::Unable);
}
