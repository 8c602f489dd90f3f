//! The fields of the kernel that are read, one row each.

use std::mem::offset_of;

use memcg_trace_common::layout::Layout;

use crate::kernel::Subject::{self, Lock, Memcg, Reclaim, Shrinker, Slab};

/// One field.
pub(super) struct Row {
    /// Its place in [`Layout`].
    pub(super) at: usize,
    /// Bytes that it must have.
    pub(super) bytes: u32,
    /// Where it has been, newest first.
    pub(super) paths: &'static [&'static str],
    /// Subjects that cannot do without it; none where its absence means something.
    pub(super) needed_by: &'static [Subject],
}

const fn row(
    at: usize,
    bytes: u32,
    paths: &'static [&'static str],
    needed_by: &'static [Subject],
) -> Row {
    Row {
        at,
        bytes,
        paths,
        needed_by,
    }
}

/// The table. One line a field, however long.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row(offset_of!(Layout, css_cgroup), 8, &["cgroup_subsys_state.cgroup"], &[Memcg]),
    row(offset_of!(Layout, css_refcnt_percpu_count_ptr), 8, &["cgroup_subsys_state.refcnt.percpu_count_ptr"], &[Memcg]),
    row(offset_of!(Layout, css_refcnt_data), 8, &["cgroup_subsys_state.refcnt.data"], &[Memcg]),
    row(offset_of!(Layout, css_sibling), 16, &["cgroup_subsys_state.sibling"], &[Memcg]),
    row(offset_of!(Layout, css_children), 16, &["cgroup_subsys_state.children"], &[Memcg]),
    row(offset_of!(Layout, css_id), 4, &["cgroup_subsys_state.id"], &[Memcg]),
    row(offset_of!(Layout, css_flags), 4, &["cgroup_subsys_state.flags"], &[Memcg]),
    row(offset_of!(Layout, css_serial_nr), 8, &["cgroup_subsys_state.serial_nr"], Subject::ALL),
    row(offset_of!(Layout, css_parent), 8, &["cgroup_subsys_state.parent"], &[Memcg]),
    row(offset_of!(Layout, css_nr_populated_csets), 4, &["cgroup_subsys_state.nr_populated_csets"], &[]),
    row(offset_of!(Layout, css_nr_populated_children), 4, &["cgroup_subsys_state.nr_populated_children"], &[]),
    row(offset_of!(Layout, ref_data_count), 8, &["percpu_ref_data.count"], &[Memcg]),
    row(offset_of!(Layout, ref_data_confirm_switch), 8, &["percpu_ref_data.confirm_switch"], &[Memcg]),
    row(offset_of!(Layout, cgroup_kn), 8, &["cgroup.kn"], &[Memcg]),
    row(offset_of!(Layout, kernfs_name), 8, &["kernfs_node.name"], &[Memcg]),
    row(offset_of!(Layout, kernfs_id), 8, &["kernfs_node.id"], &[Memcg]),
    row(offset_of!(Layout, memcg_memory_usage), 8, &["mem_cgroup.memory.usage"], &[Memcg]),
    row(offset_of!(Layout, memcg_memory_high), 8, &["mem_cgroup.memory.high"], &[Memcg]),
    row(offset_of!(Layout, memcg_memory_max), 8, &["mem_cgroup.memory.max"], &[Memcg]),
    row(offset_of!(Layout, task_cgroups), 8, &["task_struct.cgroups"], &[Memcg, Lock, Reclaim]),
    row(offset_of!(Layout, task_pid), 4, &["task_struct.pid"], &[Lock]),
    row(offset_of!(Layout, task_tgid), 4, &["task_struct.tgid"], &[Lock, Reclaim]),
    row(offset_of!(Layout, task_comm), 16, &["task_struct.comm"], &[Lock, Reclaim]),
    row(offset_of!(Layout, task_start_time), 8, &["task_struct.start_time"], &[Lock, Reclaim]),
    row(offset_of!(Layout, task_nvcsw), 8, &["task_struct.nvcsw"], &[Lock]),
    row(offset_of!(Layout, task_nivcsw), 8, &["task_struct.nivcsw"], &[Lock]),
    row(offset_of!(Layout, task_flags), 4, &["task_struct.flags"], &[Reclaim]),
    row(offset_of!(Layout, task_utime), 8, &["task_struct.utime"], &[]),
    row(offset_of!(Layout, node_memcg), 8, &["mem_cgroup_per_node.memcg"], &[Reclaim]),
    row(offset_of!(Layout, lruvec_mglru_enabled), 1, &["lruvec.lrugen.enabled"], &[]),
    row(offset_of!(Layout, scan_nr_scanned), 8, &["scan_control.nr_scanned"], &[]),
    row(offset_of!(Layout, scan_nr_reclaimed), 8, &["scan_control.nr_reclaimed"], &[]),
    row(offset_of!(Layout, task_signal), 8, &["task_struct.signal"], &[]),
    row(offset_of!(Layout, signal_oom_score_adj), 2, &["signal_struct.oom_score_adj"], &[]),
    row(offset_of!(Layout, oom_memcg), 8, &["oom_control.memcg"], &[]),
    row(offset_of!(Layout, oom_chosen), 8, &["oom_control.chosen"], &[]),
    row(offset_of!(Layout, oom_points), 8, &["oom_control.chosen_points"], &[]),
    row(offset_of!(Layout, oom_total_pages), 8, &["oom_control.totalpages"], &[]),
    row(offset_of!(Layout, page_head), 8, &["page.compound_info", "page.compound_head"], &[Slab]),
    row(offset_of!(Layout, page_type), 4, &["page.page_type"], &[Slab]),
    row(offset_of!(Layout, page_flags), 8, &["page.flags"], &[Slab]),
    row(offset_of!(Layout, slab_cache), 8, &["slab.slab_cache", "page.slab_cache"], &[Slab]),
    row(offset_of!(Layout, slab_counters), 8, &["slab.counters", "page.counters"], &[Slab]),
    row(offset_of!(Layout, slab_vector), 8, &["slab.obj_exts", "slab.memcg_data", "page.obj_cgroups"], &[Slab]),
    row(offset_of!(Layout, slab_stride), 4, &["slab.stride"], &[]),
    row(offset_of!(Layout, objcg_memcg), 8, &["obj_cgroup.memcg"], &[Slab]),
    row(offset_of!(Layout, cache_flags), 4, &["kmem_cache.flags"], &[Slab]),
    row(offset_of!(Layout, cache_size), 4, &["kmem_cache.size"], &[Slab]),
    row(offset_of!(Layout, cache_object_size), 4, &["kmem_cache.object_size"], &[Slab]),
    row(offset_of!(Layout, cache_name), 8, &["kmem_cache.name"], &[Slab]),
    row(offset_of!(Layout, shrinker_count_objects), 8, &["shrinker.count_objects"], &[Shrinker]),
    row(offset_of!(Layout, shrinker_scan_objects), 8, &["shrinker.scan_objects"], &[Shrinker]),
    row(offset_of!(Layout, shrinker_flags), 4, &["shrinker.flags"], &[Shrinker]),
    row(offset_of!(Layout, shrinker_seeks), 4, &["shrinker.seeks"], &[]),
    row(offset_of!(Layout, shrinker_private_data), 8, &["shrinker.private_data"], &[]),
    row(offset_of!(Layout, sb_type), 8, &["super_block.s_type"], &[]),
    row(offset_of!(Layout, sb_dev), 4, &["super_block.s_dev"], &[]),
    row(offset_of!(Layout, fs_type_name), 8, &["file_system_type.name"], &[]),
    row(offset_of!(Layout, control_memcg), 8, &["shrink_control.memcg"], &[Shrinker]),
    row(offset_of!(Layout, control_nid), 4, &["shrink_control.nid"], &[Shrinker]),
    row(offset_of!(Layout, mutex_owner), 8, &["mutex.owner"], &[Lock]),
    row(offset_of!(Layout, rwsem_owner), 8, &["rw_semaphore.owner"], &[Lock]),
    row(offset_of!(Layout, mutex_wait_list), 16, &["mutex.wait_list"], &[]),
    row(offset_of!(Layout, rwsem_wait_list), 16, &["rw_semaphore.wait_list"], &[]),
    row(offset_of!(Layout, mutex_first_waiter), 8, &["mutex.first_waiter"], &[]),
    row(offset_of!(Layout, rwsem_first_waiter), 8, &["rw_semaphore.first_waiter"], &[]),
    row(offset_of!(Layout, waiter_list), 16, &["mutex_waiter.list"], &[]),
    row(offset_of!(Layout, waiter_task), 8, &["mutex_waiter.task"], &[]),
    row(offset_of!(Layout, percpu_waiters), 16, &["percpu_rw_semaphore.waiters.head"], &[]),
    row(offset_of!(Layout, queue_entry), 16, &["wait_queue_entry.entry"], &[]),
    row(offset_of!(Layout, queue_private), 8, &["wait_queue_entry.private"], &[]),
    row(offset_of!(Layout, subprocess_data), 8, &["subprocess_info.data"], &[]),
];
