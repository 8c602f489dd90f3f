//! The table of the kernel's symbols that the code reads: no other can be named.
//!
//! A row has the code's name for a symbol, the names that it has had in the kernel, newest first,
//! and the subjects that need its address.

use crate::kernel::Subject;

macro_rules! table {
    ($($symbol:ident, [$($name:literal),*] $(, [$($subject:ident),*])?;)*) => {
        /// A variable or a function of the kernel, after its own name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Symbol {
            $($symbol,)*
        }

        impl Symbol {
            /// All symbols.
            pub const ALL: &[Self] = &[$(Self::$symbol,)*];

            /// All names of all symbols.
            pub fn all_names() -> impl Iterator<Item = &'static str> {
                Self::ALL.iter().flat_map(|symbol| symbol.names()).copied()
            }

            /// Names in the kernel, newest first.
            #[must_use]
            pub const fn names(self) -> &'static [&'static str] {
                match self {
                    $(Self::$symbol => &[$($name),*],)*
                }
            }

            /// Subjects that need the address.
            #[must_use]
            pub const fn needed_by(self) -> &'static [Subject] {
                match self {
                    $(Self::$symbol => &[$($(Subject::$subject),*)?],)*
                }
            }
        }
    };
}

table! {
    VmemmapBase, ["vmemmap_base"], [Slab];
    PageOffsetBase, ["page_offset_base"], [Slab];
    RootMemCgroup, ["root_mem_cgroup"];
    MemCgroupStatsIndex, ["mem_cgroup_stats_index"];
    SuperCacheScan, ["super_cache_scan"];
    MemHotplugLock, ["mem_hotplug_lock"];
    CgroupMutex, ["cgroup_mutex"];
    // The second became an inline function that calls the first (6.17).
    OverHigh, ["__mem_cgroup_handle_over_high", "mem_cgroup_handle_over_high"];
    // Pins of zombies.
    PerCpuOffset, ["__per_cpu_offset"];
    BdiList, ["bdi_list"];
    BpfLinkFops, ["bpf_link_fops"];
    BpfLinkFopsPoll, ["bpf_link_fops_poll"];
    BpfMapFops, ["bpf_map_fops"];
    CgroupnsOperations, ["cgroupns_operations"];
    CgrpDflRoot, ["cgrp_dfl_root"];
    CpuFbatches, ["cpu_fbatches"];
    FanotifyFops, ["fanotify_fops"];
    InitTask, ["init_task"];
    InotifyFops, ["inotify_fops"];
    HugetlbfsAops, ["hugetlbfs_aops"];
    ShmemAops, ["shmem_aops"];
    KernfsFileFops, ["kernfs_file_fops"];
    LruPvecs, ["lru_pvecs"];
    MapIdr, ["map_idr"];
    MemcgStock, ["memcg_stock"];
    MemoryReclaim, ["memory_reclaim"];
    MlockFbatch, ["mlock_fbatch"];
    MlockPvec, ["mlock_pvec"];
    NrNodeIds, ["nr_node_ids"];
    NsFileOperations, ["ns_file_operations"];
    NsfsMnt, ["nsfs_mnt"];
    PerfFops, ["perf_fops"];
    PgdirShift, ["pgdir_shift"];
    ProtoList, ["proto_list"];
    ShmFileOperations, ["shm_file_operations"];
    ShmFileOperationsHuge, ["shm_file_operations_huge"];
    ShrinkerNrMax, ["shrinker_nr_max"];
    SocketFileOps, ["socket_file_ops"];
    TapFops, ["tap_fops"];
    TunFops, ["tun_fops"];
    // Holders of pinned things.
    DefBlkFops, ["def_blk_fops"];
    KillLitterSuper, ["kill_litter_super"];
    RamfsKillSb, ["ramfs_kill_sb"];
    IoUringFops, ["io_uring_fops"];
    LoIoctl, ["lo_ioctl"];
    LoopIndexIdr, ["loop_index_idr"];
    NrSwapfiles, ["nr_swapfiles"];
    OvlFileOperations, ["ovl_file_operations"];
    OvlFillSuper, ["ovl_fill_super"];
    ShmemSwaplist, ["shmem_swaplist"];
    SwapCgroupCtrl, ["swap_cgroup_ctrl"];
    SwapInfo, ["swap_info"];
    SwpSlots, ["swp_slots"];
    // Functions that exist where file operations or fields do.
    AnonPipeRead, ["anon_pipe_read"];
    BdevFileOpenByDev, ["bdev_file_open_by_dev"];
    BlkdevRelease, ["blkdev_release", "blkdev_close"];
    BpfLinkPoll, ["bpf_link_poll"];
    BpfLinkRelease, ["bpf_link_release"];
    CgroupSkAlloc, ["cgroup_sk_alloc"];
    FanotifyRelease, ["fanotify_release"];
    InotifyRelease, ["inotify_release"];
    IoUringRelease, ["io_uring_release"];
    MlockDrainLocal, ["mlock_drain_local", "mlock_page_drain_local"];
    NsIoctl, ["ns_ioctl"];
    PerfRelease, ["perf_release"];
    ShmMmap, ["shm_mmap"];
    SockClose, ["sock_close"];
    TapOpen, ["tap_open"];
    TunChrOpen, ["tun_chr_open"];
    // OOM kills.
    NrSwapPages, ["nr_swap_pages"];
    TotalSwapPages, ["total_swap_pages"];
    // Time lost for lack of memory.
    PsiDisabled, ["psi_disabled"];
    PsiSystem, ["psi_system"];
    // Protection of tracepoints.
    TracepointSrcu, ["tracepoint_srcu"];
    // Contents of dentries and inodes.
    SuperBlocks, ["super_blocks"];
    // Waits of tasks.
    InitStackBegin, ["__start_init_stack", "__start_init_task", "init_stack"];
    InitStackEnd, ["__end_init_stack", "__end_init_task"];
    SchedTextEnd, ["__sched_text_end"];
    SchedTextStart, ["__sched_text_start"];
    AutoremoveWakeFunction, ["autoremove_wake_function"];
    CpuAddRemoveLock, ["cpu_add_remove_lock"];
    DeviceHotplugLock, ["device_hotplug_lock"];
    HrtimerWakeup, ["hrtimer_wakeup"];
    KernfsNodeCache, ["kernfs_node_cache"];
    MaxPfn, ["max_pfn"];
    Modules, ["modules"];
    PercpuRwsemWakeFunction, ["percpu_rwsem_wake_function"];
    PipeanonFops, ["pipeanon_fops"];
    PipefifoFops, ["pipefifo_fops"];
    ProcessTimeout, ["process_timeout"];
    CallRcuTasks, ["call_rcu_tasks"];
    RcuData, ["rcu_data"];
    RcuState, ["rcu_state"];
    RcuTasks, ["rcu_tasks"];
    Runqueues, ["runqueues"];
    Workqueues, ["workqueues"];
    WqBarrierFunc, ["wq_barrier_func"];
    // What a crash dump tells of its kernel.
    SavedCommandLine, ["saved_command_line"];
    StartBtf, ["__start_BTF"];
    StopBtf, ["__stop_BTF"];
    TaintedMask, ["tainted_mask"];
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_name_is_written_once() {
        let mut known = HashSet::new();
        for name in Symbol::ALL.iter().flat_map(|symbol| symbol.names()) {
            assert!(known.insert(name), "{name}");
        }
    }
}
