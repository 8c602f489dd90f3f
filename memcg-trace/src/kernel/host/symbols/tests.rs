use super::*;

const TEXT: &str = "\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81001000 t do_migrate_range.isra.0
ffffffff81001800 T __sched_text_start
ffffffff81001800 T schedule
ffffffff81001c00 T __sched_text_end
ffffffff81002000 t cgroup_mutex
ffffffff81002020 t slab_mutex
ffffffffc0001000 t cgroup_mutex\t[evil]
ffffffffc0002000 d __this_module\t[evil]
";

#[test]
fn only_what_is_wanted_is_kept_and_the_kernel_comes_first() {
    let wanted = HashSet::from(["cgroup_mutex", "do_migrate_range"]);
    let symbols = Symbols::parse(TEXT.as_bytes(), &wanted).unwrap();
    assert_eq!(
        symbols.address(Symbol::CgroupMutex),
        Some(0xffff_ffff_8100_2000)
    );
    assert_eq!(
        symbols.function("do_migrate_range"),
        Some("do_migrate_range.isra.0")
    );
    assert_eq!(symbols.function("slab_mutex"), None);
    assert_eq!(symbols.lines, 10);
    assert!(symbols.visible);
}

#[test]
fn hidden_addresses_are_not_addresses() {
    let wanted = HashSet::from(["cgroup_mutex"]);
    let symbols = Symbols::parse("0000000000000000 t cgroup_mutex\n".as_bytes(), &wanted).unwrap();
    assert!(!symbols.visible);
    assert!(symbols.has(Symbol::CgroupMutex));
    assert_eq!(symbols.address(Symbol::CgroupMutex), None);
}

#[test]
fn stacks_and_variables_are_named() {
    let wanted = HashSet::from(["__sched_text_start", "__sched_text_end"]);
    let symbols = Symbols::parse(TEXT.as_bytes(), &wanted).unwrap();
    let function = |address| symbols.function_at(address);
    assert_eq!(function(0xffff_ffff_8100_1010), Some("do_migrate_range"));
    // The callee never returns: the code behind the call belongs to another function.
    assert_eq!(function(0xffff_ffff_8100_1000), Some("_text"));
    let variable = |address| symbols.variable_at(address);
    assert_eq!(
        variable(0xffff_ffff_8100_2010).as_deref(),
        Some("cgroup_mutex+0x10")
    );
    assert_eq!(variable(0xffff_ffff_f000_0000), None);
    assert!(symbols.is_sched(0xffff_ffff_8100_1810));
    assert!(!symbols.is_sched(0xffff_ffff_8100_1c00));
}

#[test]
fn names_are_those_of_the_last_reading() {
    let mut symbols = Symbols::parse(TEXT.as_bytes(), &HashSet::new()).unwrap();
    let mut names = Names::default();
    let ask = [0xffff_ffff_8100_2010, 0xffff_ffff_8100_2020, 0x1000];
    names.learn(ask.into_iter(), &symbols);
    assert_eq!(names.get(ask[0]), Some("cgroup_mutex+0x10"));
    assert_eq!(names.get(ask[1]), Some("slab_mutex"));
    assert_eq!(names.get(ask[2]), None);
    let text = TEXT.replace("slab_mutex", "other_mutex");
    let again = Symbols::parse(text.as_bytes(), &HashSet::new()).unwrap();
    names.learn(ask.into_iter(), &again);
    assert_eq!(names.get(ask[1]), Some("slab_mutex"));
    symbols = Symbols {
        reading: symbols.reading + 1,
        ..again
    };
    names.learn(ask.into_iter(), &symbols);
    assert_eq!(names.get(ask[1]), Some("other_mutex"));
}

#[test]
fn a_module_is_known_by_its_own_symbol() {
    let symbols = Symbols::parse(TEXT.as_bytes(), &HashSet::new()).unwrap();
    assert!(symbols.has_module(0xffff_ffff_c000_2008));
    // Memory behind the module is not the module.
    assert!(!symbols.has_module(0xffff_ffff_c000_9008));
    assert!(!symbols.has_module(0xffff_ffff_c000_1008));
}
