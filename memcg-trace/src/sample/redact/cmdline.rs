//! The kernel's command line and settings, without names.

use std::mem;

use crate::sample::Text;

/// Shown for what may have a name in it.
const REMOVED: &str = "(removed)";

/// Options whose values are words of the kernel's and numbers; one with `.` or `_` at its end is the
/// start of several.
const HARMLESS: &[&str] = &[
    "audit",
    "cgroup.memory",
    "cgroup_disable",
    "cgroup_no_v1",
    "clocksource",
    "default_hugepagesz",
    "hugepages",
    "hugepagesz",
    "hugetlb_free_vmemmap",
    "idle",
    "init_on_",
    "intel_idle.",
    "iommu",
    "irqaffinity",
    "isolcpus",
    "kernelcore",
    "lockdown",
    "maxcpus",
    "mem",
    "memhp_default_state",
    "memmap",
    "memory_hotplug.",
    "mitigations",
    "movablecore",
    "nohz",
    "nohz_full",
    "nr_cpus",
    "numa",
    "numa_balancing",
    "oops",
    "panic",
    "panic_on_",
    "preempt",
    "psi",
    "rcu_nocbs",
    "rcupdate.",
    "rcutree.",
    "slab_",
    "slub_",
    "swapaccount",
    "systemd.legacy_systemd_cgroup_controller",
    "systemd.unified_cgroup_hierarchy",
    "threadirqs",
    "transparent_hugepage",
    "workqueue.",
    "zswap.",
];

/// Options without a value.
const FLAGS: &[&str] = &[
    "debug",
    "ignore_loglevel",
    "movable_node",
    "nohz",
    "nokaslr",
    "nomodeset",
    "nosmp",
    "nosmt",
    "quiet",
    "rcu_nocbs",
    "ro",
    "rw",
    "slub_debug",
    "slab_debug",
    "splash",
    "threadirqs",
];

/// The command line: options by name, and the values of harmless ones. Words that are no known
/// options are arguments of init, or a name for all that is known.
pub(super) fn without_names(line: &Text) -> Text {
    let mut options = Vec::new();
    for option in split(&line.display()) {
        // What follows goes to init, and may be anything.
        if option == "--" {
            options.push(format!("-- {REMOVED}"));
            break;
        }
        options.push(without_name(&option));
    }
    Text::from(options.join(" ").as_str())
}

/// The options; quotes keep spaces together (lib/cmdline.c: next_arg()).
fn split(line: &str) -> Vec<String> {
    let mut options = Vec::new();
    let mut option = String::new();
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => options.push(mem::take(&mut option)),
            c => option.push(c),
        }
    }
    options.push(option);
    options.retain(|option| !option.is_empty());
    options
}

fn without_name(option: &str) -> String {
    let Some((name, value)) = option.split_once('=') else {
        let is_flag = FLAGS.contains(&option);
        return if is_flag { option } else { REMOVED }.to_owned();
    };
    let is_harmless = HARMLESS.iter().any(|one| match one.ends_with(['.', '_']) {
        true => name.starts_with(one),
        false => name == *one,
    });
    let is_word = |c: char| c.is_ascii_alphanumeric() || ",.:_-$@!*+".contains(c);
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match (is_harmless && value.chars().all(is_word), name) {
        (true, _) => option.to_owned(),
        (false, name) if name.chars().all(is_name) => format!("{name}={REMOVED}"),
        _ => REMOVED.to_owned(),
    }
}

/// A setting: a number, a list of modes or the kernel's own `core` stays; of a command or a path
/// only its kind is left.
pub(super) fn setting_without_names(value: &Text) -> Text {
    let text = value.display();
    let is_number = |c: char| c.is_ascii_hexdigit() || c == 'x';
    let is_own = text.chars().all(is_number) && text.starts_with(|c: char| c.is_ascii_digit());
    match text.strip_prefix('|') {
        Some(_) => Text::from(format!("|{REMOVED}").as_str()),
        None if is_own || text == "core" => value.clone(),
        None => Text::from(REMOVED),
    }
}
