//! The table of known bugs. Ids, first lines and releases are those of the kernel's own history;
//! what was not seen there is "not looked up".

use super::bug::{About, Bug, Commit, Commits};
use super::{memory, waits};

/// One row for each bug.
pub static BUGS: &[Bug] = &[
    Bug {
        key: "coredump_hot_remove",
        title: "the deadlock of a core dump with memory hot-remove (August 2020)",
        about: About::Waits,
        what: "A process that dumps core into a pipe has a reference to a page and waits for the \
               reader of the pipe. Hot-remove of memory holds mem_hotplug_lock and tries without end \
               to move that page. A third task wants mem_hotplug_lock, as a rule with cgroup_mutex \
               held, and the reader of the pipe waits for that task.",
        shape: "a deadlock in which a task that offlines memory cannot move a page, the task that \
                has the page waits for room in a pipe, and another waits for mem_hotplug_lock, which \
                the first holds",
        made_by: Commits::These(&[
            Commit {
                id: "03afc0e25f7f",
                title: "slab: get_online_mems for kmem_cache_{create,destroy,shrink}",
            },
            Commit {
                id: "354ed5974429",
                title: "mm: multi-gen LRU: kill switch",
            },
        ]),
        fixed_by: Commits::These(&[
            Commit {
                id: "9855609bde03",
                title: "mm: memcg/slab: use a single set of kmem_caches for all accounted \
                        allocations",
            },
            Commit {
                id: "7e1fa93deff4",
                title: "mm, slab, slub: stop taking memory hotplug lock",
            },
        ]),
        fixed_in: &["5.9 (9855609bde03)"],
        history: "Each fix removes one way to mem_hotplug_lock: that of offline memory cgroups, and \
                  that of slab caches (merged in February 2021; its first release was not looked \
                  up). A write to /sys/kernel/mm/lru_gen/enabled takes cgroup_mutex and then \
                  mem_hotplug_lock since 354ed5974429; no fix of that way is known, and the deadlock \
                  was made with it on 6.1, 6.12 and 7.2.",
        until_then: "SIGTERM to the task that offlines memory ends it, and so does SIGKILL to the \
                     task that dumps core.",
        reproduce: &[
            "Set kernel.core_pattern to a pipe to a program that reads the start of the core, and \
             then makes a cgroup before it reads on.",
            "Let a process with some 16 MiB of anonymous memory in a movable block die of SIGSEGV.",
            "Write offline to /sys/devices/system/memory/memoryN/state of the blocks of that \
             memory, until one does not go offline.",
            "Write n to /sys/kernel/mm/lru_gen/enabled (a kernel without it: write 1 to \
             /sys/kernel/slab/dentry/shrink, in the program of step 1 too).",
            "Let the program of step 1 make its cgroup.",
        ],
        reports: &[
            "linux-mm, 12 August 2020: Re: [PATCH v2 00/28] The new cgroup slab memory controller \
             (Pavel Tatashin)",
        ],
        seen_in: waits::coredump_hot_remove,
    },
    Bug {
        key: "rmdir_reap",
        title: "rmdir of a cgroup that waits for what its caller must reap (2026)",
        about: About::Waits,
        what: "rmdir of a cgroup waits, without a way to interrupt it, for the dying tasks of the \
               cgroup. One of them is the init of a pid namespace and waits for the other tasks of \
               the namespace, and the last of these is a zombie that the caller of rmdir would have \
               to reap. PID 1 is such a caller.",
        shape: "a deadlock in which a task waits for the dying tasks of a cgroup, and a dead task \
                waits for the same process to reap it",
        made_by: Commits::These(&[Commit {
            id: "1b164b876c36",
            title: "cgroup: Wait for dying tasks to leave on rmdir",
        }]),
        fixed_by: Commits::These(&[Commit {
            id: "93618edf7538",
            title: "cgroup: Defer css percpu_ref kill on rmdir until cgroup is depopulated",
        }]),
        fixed_in: &["7.0.9", "7.1"],
        history: "It came with 7.0 and was backported to 6.19.y: the deadlock was made on 6.19.14 and \
                  7.0.4, and cannot be made on 6.12, 7.0.9 and 7.2. Whether a 6.19.y has the fix was \
                  not looked up.",
        until_then: "Nothing that was tried ends it: the task in rmdir takes no signal.",
        reproduce: &[
            "A task makes a cgroup, and starts the init of a new pid namespace in it.",
            "A child of that task enters the namespace with setns(2), forks a task there, and is \
             killed, so that the first task has to reap the one in the namespace.",
            "The init is killed, and the first task calls rmdir on the cgroup without reaping.",
        ],
        reports: &[
            "https://lore.kernel.org/all/afHNg2VX2jy9bW7y@piware.de/",
            "https://github.com/cockpit-project/bots/pull/8970",
        ],
        seen_in: waits::rmdir_reap,
    },
    Bug {
        key: "destroy_wq_full",
        title: "cgroup_destroy_wq, whose only worker waits for what is queued behind it",
        about: About::Waits,
        what: "The workqueue that destroys cgroups runs one item at a time on a CPU. The item that \
               frees a hierarchy waits for all controllers below to go offline, and their offline \
               work is queued behind it. From then on no cgroup goes away whose work comes to that CPU.",
        shape: "a worker that waits in cgroup_lock_and_drain_offline() below cgroup_destroy_root(), \
                for offline work that only itself can run",
        made_by: Commits::These(&[Commit {
            id: "334c3679ec4b",
            title: "cgroup: reimplement rebind_subsystems() using cgroup_apply_control() and friends",
        }]),
        fixed_by: Commits::These(&[Commit {
            id: "79f919a89c9d",
            title: "cgroup: split cgroup_destroy_wq into 3 workqueues",
        }]),
        fixed_in: &[
            "5.10.245", "5.15.194", "6.1.154", "6.6.108", "6.12.49", "6.16.9", "6.17",
        ],
        history: "CVE-2025-39953. The report is of an LTP run that mounts and unmounts hierarchies of \
                  cgroup v1 (perf_event, net_prio) in turn.",
        until_then: "No way out was tried. The way in is an unmount of a hierarchy of cgroup v1 while \
                     controllers of another are on their way offline.",
        reproduce: &[
            "LTP, runtest/controllers: cgroup_fj_function.sh perf_event and cgroup_fj_function.sh \
             net_prio, in turn, on a host that boots with systemd.unified_cgroup_hierarchy=1.",
        ],
        reports: &[
            "https://lore.kernel.org/cgroups/39e05402-40c7-4631-a87b-8e3747ceddc6@huaweicloud.com/",
        ],
        seen_in: waits::destroy_wq_full,
    },
    Bug {
        key: "drain_offline",
        title: "a change of controllers behind offline work that a stuck worker has before it",
        about: About::Waits,
        what: "A write to cgroup.subtree_control, or a mount or unmount of cgroup v1, waits in \
               cgroup_lock_and_drain_offline() for dead controllers to go offline. Their work is \
               behind a work item that waits itself, so that the change lasts as long as that item.",
        shape: "a task that is no worker waits in cgroup_lock_and_drain_offline() for a worker that \
                waits for something itself",
        made_by: Commits::NotLookedUp,
        fixed_by: Commits::NotLookedUp,
        fixed_in: &[],
        history: "The wait is meant; what is wrong is the item in front. 79f919a89c9d (see \
                  destroy_wq_full) removes one such item.",
        until_then: "What the worker waits for has to be released: `memcg-trace locks` names it, and \
                     who has it.",
        reproduce: &[],
        reports: &[],
        seen_in: waits::drain_offline,
    },
    Bug {
        key: "lru_add_drain",
        title: "lru_add_drain_all() behind a CPU that gives its workers no time",
        about: About::Waits,
        what: "lru_add_drain_all() queues a work item on each CPU and waits for all of them, with a \
               mutex held that all its callers want: fadvise(2), memory offlining, compaction. One CPU \
               on which a real-time task leaves workers no time holds all of them up.",
        shape: "a task that waits in lru_add_drain_all() for a work item, whose worker is ready to \
                run while a real-time task has its CPU",
        made_by: Commits::NotLookedUp,
        fixed_by: Commits::NotLookedUp,
        fixed_in: &[],
        history: "Since eef1a429f234 (\"mm/swap.c: piggyback lru_add_drain_all() calls\") a caller \
                  leaves if another drain began and ended while it waited for the mutex; that does \
                  not help while none ends.",
        until_then: "Take the real-time task from that CPU, or end it.",
        reproduce: &[
            "Set kernel.sched_rt_runtime_us to -1, and let pages be added to a file on one CPU.",
            "Let a task of SCHED_FIFO spin on that CPU.",
            "Write 1 to /proc/sys/vm/compact_memory.",
        ],
        reports: &["https://github.com/amazonlinux/amazon-linux-2023/issues/993"],
        seen_in: waits::lru_add_drain,
    },
    Bug {
        key: "lru_pages_pin",
        title: "pages on LRU lists that pin dead memory cgroups",
        about: About::Zombies,
        what: "Each page of a file, of tmpfs or of anonymous memory has a reference to the memory \
               cgroup that it was charged to, and keeps the cgroup after its removal until the page \
               itself is reclaimed or freed.",
        shape: "a dead memory cgroup that is offline has pages on its own LRU lists",
        made_by: Commits::NotLookedUp,
        fixed_by: Commits::These(&[
            Commit {
                id: "01b9da291c49",
                title: "mm: memcontrol: convert objcg to be per-memcg per-node type",
            },
            Commit {
                id: "f1cf8d2f36dc",
                title: "mm: memcontrol: eliminate the problem of dying memory cgroup for LRU folios",
            },
        ]),
        fixed_in: &["7.1"],
        history: "The series \"Eliminate Dying Memory Cgroup\" gives the pages of a dead memory cgroup \
                  to its parent. The types of 7.0 lack it, and those of 7.1 have it.",
        until_then: "`memcg-trace pins` says which pages they are, who uses them, and what would free \
                     them.",
        reproduce: &[
            "In a new cgroup, write a file.",
            "Leave the cgroup and remove it, while the file stays in the page cache.",
        ],
        reports: &["https://www.infoq.com/news/2026/05/pinterest-cpu-zombies-bottleneck/"],
        seen_in: memory::lru_pages_pin,
    },
    Bug {
        key: "kernel_pages_pin",
        title: "pages of the kernel's own that pin dead memory cgroups",
        about: About::Zombies,
        what: "Kernel stacks, page tables and the pages of pipes have references to the memory cgroup \
               itself, and keep it after its removal as long as they are in use: by a task that moved \
               to another cgroup, or by a pipe that somebody has open.",
        shape: "a reference of a page of the kernel's own to a dead memory cgroup",
        made_by: Commits::NotLookedUp,
        fixed_by: Commits::These(&[Commit {
            id: "b4e0b68fbd9d",
            title: "mm: memcontrol: use obj_cgroup APIs to charge kmem pages",
        }]),
        fixed_in: &[],
        history: "The fix was merged in 2021; its first release was not looked up. 5.10 has the bug, \
                  and 6.1 has not: both were measured.",
        until_then: "`memcg-trace pins` names the tasks and pipes; the references go with them.",
        reproduce: &[
            "Start a task in a new cgroup.",
            "Move the task to another cgroup, and remove the first.",
        ],
        reports: &[
            "linux-mm, 18 March 2021: [PATCH v4 0/5] Use obj_cgroup APIs to charge kmem pages \
             (Muchun Song)",
        ],
        seen_in: memory::kernel_pages_pin,
    },
    Bug {
        key: "writeback_keeps_inodes",
        title: "clean inodes that stay with the writeback of a dead memory cgroup",
        about: About::Zombies,
        what: "An inode that was dirty once stays with the writeback of the memory cgroup that wrote \
               it. As long as the inode is in the cache, the writeback stays, and with it the dead \
               memory cgroup and that of the block controller.",
        shape: "a writeback that pins a dead memory cgroup has clean inodes, on a kernel that gives \
                none of them away",
        made_by: Commits::These(&[Commit {
            id: "52ebea749aae",
            title: "writeback: make backing_dev_info host cgroup-specific bdi_writebacks",
        }]),
        fixed_by: Commits::These(&[Commit {
            id: "c22d70a162d3",
            title: "writeback, cgroup: release dying cgwbs by switching attached inodes",
        }]),
        fixed_in: &["5.14"],
        history: "Dirty inodes stay until they are written on every kernel; that is no bug.",
        until_then: "`memcg-trace pins` says what would free it: the inode has to leave the cache, or \
                     to be written from another memory cgroup.",
        reproduce: &[
            "In a new cgroup, write a file on a disk, and sync.",
            "Keep the file open for reading, and remove the cgroup.",
        ],
        reports: &[],
        seen_in: memory::writeback_keeps_inodes,
    },
    Bug {
        key: "negative_dentries",
        title: "negative dentries by the million under one directory",
        about: About::Caches,
        what: "Each look-up of a name that does not exist leaves a negative dentry, and nothing but \
               memory pressure frees them. With millions below one directory, whatever goes through \
               all its children with a lock held takes seconds: inotify marks, for one.",
        shape: "a directory with 1,000,000 negative dentries or more (`memcg-trace slab --inside \
                dentry`)",
        made_by: Commits::NotLookedUp,
        fixed_by: Commits::These(&[
            Commit {
                id: "172e422ffea2",
                title: "fsnotify: clear PARENT_WATCHED flags lazily",
            },
            Commit {
                id: "e6957c99dca5",
                title: "vfs: Add a sysctl for automated deletion of dentry",
            },
        ]),
        fixed_in: &[
            "5.10.226 (172e422ffea2)",
            "6.1.109 (172e422ffea2)",
            "6.10.9 (172e422ffea2)",
            "6.11 (172e422ffea2)",
            "6.13 (e6957c99dca5)",
        ],
        history: "Each removes one consequence or one origin, not the dentries: the first the soft \
                  lockup when a mark goes, the second those of deleted files (CVE-2024-47660). A soft \
                  lockup when a mark is set was reported later.",
        until_then: "Writing 2 to /proc/sys/vm/drop_caches frees them, with the other dentries and \
                     inodes that nobody uses. Find who looks for names that do not exist.",
        reproduce: &[],
        reports: &["https://github.com/google/cadvisor/issues/3081"],
        seen_in: memory::negative_dentries,
    },
    Bug {
        key: "memcg_ids",
        title: "a host that runs out of ids of memory cgroups",
        about: About::Zombies,
        what: "A host has 65,535 ids of memory cgroups. One that is alive has one, and one that is \
               dead keeps it while pages of it are in swap. When all are in use, mkdir of a cgroup \
               fails with \"No space left on device\".",
        shape: "nine tenths of the ids are in use by memory cgroups that are alive or have pages in \
                swap",
        made_by: Commits::NotLookedUp,
        fixed_by: Commits::These(&[Commit {
            id: "73f576c04b94",
            title: "mm: memcontrol: fix cgroup creation failure after many small jobs",
        }]),
        fixed_in: &[],
        history: "Before the fix (July 2016; its first release was not looked up) a dead one kept its \
                  id in any case. The number of ids is a limit of the kernel.",
        until_then: "`memcg-trace zombies --abandoned` lists live ones that nobody seems to need, and \
                     `memcg-trace zombies --sort swap` dead ones with pages in swap.",
        reproduce: &[],
        reports: &["https://github.com/moby/moby/issues/29638"],
        seen_in: memory::memcg_ids,
    },
];
