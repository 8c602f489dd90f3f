//! Fields of memory cgroups, their references, and reclaim.

/// Passes these rows on, after the rows of `$before`.
#[doc(hidden)]
#[macro_export]
macro_rules! fields_of_cgroups {
    ($to:ident $($before:tt)*) => {
        $crate::fields_of_pages! { $to $($before)*
            // memcg
            -, CssSetTasks, 16, ["css_set.tasks"];
            -, CssSetMgTasks, 16, ["css_set.mg_tasks"];
            -, CssSetDyingTasks, 16, ["css_set.dying_tasks"];
            -, CssSetSubsys, 0, ["css_set.subsys"];
            -, CssSetECsetNode, 0, ["css_set.e_cset_node"];
            -, CgroupECsets, 0, ["cgroup.e_csets"];
            -, CgroupNsRootCset, 8, ["cgroup_namespace.root_cset"];
            -, CgroupNsInum, 4, ["cgroup_namespace.ns.inum"];
            -, CgroupFileNs, 8, ["cgroup_file_ctx.ns"];
            -, KernfsOpenPriv, 8, ["kernfs_open_file.priv"];
            -, SeqFilePrivate, 8, ["seq_file.private"];
            -, CssSetRefcount, 4, ["css_set.refcount"];
            -, NsCommonInum, 4, ["ns_common.inum"];
            -, NsCommonOps, 8, ["ns_common.ops"];
            css_cgroup, CssCgroup, 8, ["cgroup_subsys_state.cgroup"], [Memcg];
            -, CgroupRoot, 8, ["cgroup.root"];
            -, CgroupSelf, 0, ["cgroup.self"];
            -, CgroupNrDescendants, 4, ["cgroup.nr_descendants"];
            -, CgroupNrDying, 4, ["cgroup.nr_dying_descendants"];
            -, CgroupSubsys, 0, ["cgroup.subsys"];
            -, CgroupCsetLinks, 16, ["cgroup.cset_links"];
            -, CgroupBpfRefcntPtr, 8, ["cgroup.bpf.refcnt.percpu_count_ptr"];
            -, CgroupBpfRefcntData, 8, ["cgroup.bpf.refcnt.data"];
            -, CsetLinkCset, 8, ["cgrp_cset_link.cset"];
            -, CsetLinkNode, 16, ["cgrp_cset_link.cset_link"];
            -, RootNrCgroups, 4, ["cgroup_root.nr_cgrps"];
            -, CssSs, 8, ["cgroup_subsys_state.ss"];
            -, SubsysName, 8, ["cgroup_subsys.name"];
            css_children, CssChildren, 16, ["cgroup_subsys_state.children"], [Memcg];
            css_sibling, CssSibling, 16, ["cgroup_subsys_state.sibling"], [Memcg];
            css_flags, CssFlags, 4, ["cgroup_subsys_state.flags"], [Memcg];
            css_parent, CssParent, 8, ["cgroup_subsys_state.parent"], [Memcg];
            css_serial_nr, CssSerialNr, 8, ["cgroup_subsys_state.serial_nr"], [Memcg, MemcgEvents, Slab, Shrinker, Lock, ZombieCost, Reclaim];
            css_refcnt_percpu_count_ptr, CssRefcntPtr, 8, ["cgroup_subsys_state.refcnt.percpu_count_ptr"], [Memcg];
            css_refcnt_data, CssRefcntData, 8, ["cgroup_subsys_state.refcnt.data"], [Memcg];
            css_id, -, 4, ["cgroup_subsys_state.id"], [Memcg];
            css_nr_populated_csets, -, 4, ["cgroup_subsys_state.nr_populated_csets"];
            css_nr_populated_children, -, 4, ["cgroup_subsys_state.nr_populated_children"];
            cgroup_nr_populated_csets, -, 4, ["cgroup.self.nr_populated_csets", "cgroup.nr_populated_csets"];
            cgroup_nr_populated_domain_children, -, 4, ["cgroup.nr_populated_domain_children"];
            cgroup_nr_populated_threaded_children, -, 4, ["cgroup.nr_populated_threaded_children"];
            ref_data_count, RefCount, 8, ["percpu_ref_data.count"], [Memcg];
            ref_data_confirm_switch, RefConfirmSwitch, 8, ["percpu_ref_data.confirm_switch"], [Memcg];
            -, MemcgIdRef, 4, ["mem_cgroup.id.ref"];
            memcg_swap_usage, MemcgSwapUsage, 8, ["mem_cgroup.swap.usage"];
            memcg_swap_max, -, 8, ["mem_cgroup.swap.max"];
            -, MemcgNodeinfo, 0, ["mem_cgroup.nodeinfo"];
            -, MemcgMmList, 16, ["mem_cgroup.mm_list.fifo"];
            memcg_memory_usage, -, 8, ["mem_cgroup.memory.usage"], [Memcg];
            memcg_memory_high, -, 8, ["mem_cgroup.memory.high"], [Memcg];
            memcg_memory_max, -, 8, ["mem_cgroup.memory.max"], [Memcg];
            memcg_memory_low, -, 8, ["mem_cgroup.memory.low"];
            memcg_memory_min, -, 8, ["mem_cgroup.memory.min"];
            -, MemcgCss, 0, ["mem_cgroup.css"];
            memcg_vmstats, MemcgVmstats, 0, ["mem_cgroup.vmstats"];
            -, NodeLists, 0, ["mem_cgroup_per_node.lruvec.lists"];
            -, NodeGenerations, 0, ["mem_cgroup_per_node.lruvec.lrugen.folios", "mem_cgroup_per_node.lruvec.lrugen.lists"];
            -, NodeLruZoneSize, 0, ["mem_cgroup_per_node.lru_zone_size"];
            -, NodeGenerationPages, 0, ["mem_cgroup_per_node.lruvec.lrugen.nr_pages"];
            node_memcg, -, 8, ["mem_cgroup_per_node.memcg"], [Reclaim];
            node_lruvec, -, 0, ["mem_cgroup_per_node.lruvec"], [Reclaim];
            -, StockCached, 0, ["memcg_stock_pcp.cached"];
            lruvec_mglru_enabled, -, 1, ["lruvec.lrugen.enabled"];
            -, VmstatsState, 0, ["memcg_vmstats.state"];
            -, VmstatsPending, 0, ["memcg_vmstats.state_pending"];
            vmstats_updates, VmstatsUpdates, 0, ["memcg_vmstats.stats_updates"];
            // perf events and BPF
            -, PerfEventCgrp, 8, ["perf_event.cgrp"];
            -, PerfCgroupCss, 0, ["perf_cgroup.css"];
            -, BpfMapType, 4, ["bpf_map.map_type"];
            -, BpfMapMaxEntries, 4, ["bpf_map.max_entries"];
            -, BpfMapName, 16, ["bpf_map.name"];
            -, BpfMapId, 4, ["bpf_map.id"];
            -, BpfMapRefcnt, 8, ["bpf_map.refcnt"];
            -, BpfArrayPtrs, 0, ["bpf_array.ptrs"];
            -, CgroupBpfEffective, 0, ["cgroup.bpf.effective"];
            -, CgroupBpfProgs, 0, ["cgroup.bpf.progs"];
            -, BpfProgNode, 16, ["bpf_prog_list.node"];
            -, BpfProgLink, 8, ["bpf_prog_list.link"];
            -, BpfCgroupLinkCgroup, 8, ["bpf_cgroup_link.cgroup"];
            -, BpfLinkId, 4, ["bpf_link.id"];
            -, BpfLinkRefcnt, 8, ["bpf_link.refcnt"];
            -, LinkKprobeMissed, 0, ["bpf_link_info.perf_event.kprobe.missed"];
            -, SrcuReaderFlavor, 0, ["srcu_struct.srcu_reader_flavor"];
            // shrinkers
            shrinker_count_objects, -, 8, ["shrinker.count_objects"], [Shrinker];
            shrinker_scan_objects, -, 8, ["shrinker.scan_objects"], [Shrinker];
            shrinker_flags, -, 4, ["shrinker.flags"], [Shrinker];
            shrinker_seeks, -, 4, ["shrinker.seeks"];
            shrinker_private_data, -, 8, ["shrinker.private_data"];
            control_memcg, -, 8, ["shrink_control.memcg"], [Shrinker];
            control_nid, -, 4, ["shrink_control.nid"], [Shrinker];
            sb_shrink, -, 0, ["super_block.s_shrink"];
            // reclaim
            scan_nr_scanned, -, 8, ["scan_control.nr_scanned"];
            scan_nr_reclaimed, -, 8, ["scan_control.nr_reclaimed"];
            signal_oom_score_adj, -, 2, ["signal_struct.oom_score_adj"];
            oom_memcg, -, 8, ["oom_control.memcg"];
            oom_chosen, -, 8, ["oom_control.chosen"];
            oom_points, -, 8, ["oom_control.chosen_points"];
            oom_total_pages, -, 8, ["oom_control.totalpages"];
        }
    };
}
