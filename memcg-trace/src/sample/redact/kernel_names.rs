//! Names of threads and workqueues that the kernel itself chose, the same on all hosts. Others may
//! have the name of a device, of a cluster or of a server in them.

/// Threads and workqueues by the starts of their names; digits may follow.
const KNOWN: &[&str] = &[
    "cgroup_bpf_destroy",
    "cgroup_destroy",
    "cgroup_free",
    "cgroup_offline",
    "cgroup_pidlist_destroy",
    "cgroup_release",
    "cgwb_release",
    "events",
    "events_freezable",
    "events_highpri",
    "events_long",
    "events_power_efficient",
    "events_unbound",
    "inode_switch_wbs",
    "kauditd",
    "kblockd",
    "kcompactd",
    "kdevtmpfs",
    "khugepaged",
    "khungtaskd",
    "ksmd",
    "kswapd",
    "kthreadd",
    "kthrotld",
    "memcg_oom_reaper",
    "mm_percpu_wq",
    "netns",
    "oom_reaper",
    "pool_workqueue_release",
    "psimon",
    "rcu_exp_gp_kthread_worker",
    "rcu_exp_par_gp_kthread_worker",
    "rcu_gp",
    "rcu_par_gp",
    "rcu_preempt",
    "rcu_sched",
    "rcu_tasks_kthread",
    "rcu_tasks_rude_kthread",
    "rcu_tasks_trace_kthread",
    "slub_flushwq",
    "sync_wq",
    "watchdogd",
    "writeback",
];

/// Threads and workqueues whose names have a part of their own after a slash: a CPU, a pool of
/// workers, a device, an interrupt.
const WITH_A_PART: &[&str] = &[
    "cpuhp",
    "dio",
    "ext4-rsv-conversion",
    "idle_inject",
    "irq",
    "jbd2",
    "ksoftirqd",
    "migration",
    "rcub",
    "rcuc",
    "rcuog",
    "rcuop",
    "rcuos",
    "watchdog",
    "xfs-blockgc",
    "xfs-buf",
    "xfs-cil",
    "xfs-conv",
    "xfs-inodegc",
    "xfs-log",
    "xfs-reclaim",
    "xfs-sync",
    "xfs_mru_cache",
    "xfsaild",
];

/// The characters of a task's name that the kernel keeps.
const COMM_CHARACTERS: usize = 15;

/// Whether all of a name is the kernel's own.
pub(super) fn is_known(name: &str) -> bool {
    let is_cut = name.len() >= COMM_CHARACTERS;
    KNOWN.iter().any(|known| match name.strip_prefix(known) {
        Some(rest) => rest.chars().all(|c| c.is_ascii_digit()),
        None => is_cut && known.starts_with(name),
    })
}

/// Splits a name at its slash, if what is before is the kernel's own.
pub(super) fn with_a_part(name: &str) -> Option<(&str, &str)> {
    let (start, part) = name.split_once('/')?;
    WITH_A_PART.contains(&start).then_some((start, part))
}

/// Splits the part of a worker's name: its CPU or pool with its number, and the workqueue that it
/// rescues or works for, if the name has it.
pub(super) fn worker(part: &str) -> Option<(&str, Option<&str>)> {
    let at = part.find(['-', '+']).map(|at| at + 1);
    let (id, workqueue) = part.split_at(at.unwrap_or(part.len()));
    let is_id = |c: char| c.is_ascii_digit() || "uHUR:-+".contains(c);
    id.chars()
        .all(is_id)
        .then(|| (id, at.is_some().then_some(workqueue)))
}
