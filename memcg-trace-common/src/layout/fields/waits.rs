//! Fields of locks, queues, and their waiters.

/// Passes these rows on, after the rows of `$before`.
#[doc(hidden)]
#[macro_export]
macro_rules! fields_of_waits {
    ($to:ident $($before:tt)*) => {
        $crate::fields_of_actors! { $to $($before)*
            -, TaskStack, 8, ["task_struct.stack"];
            -, TaskSp, 8, ["task_struct.thread.sp"];
            -, TaskOnCpu, 0, ["task_struct.on_cpu"];
            task_flags, TaskFlags, 4, ["task_struct.flags"], [Reclaim];
            task_nvcsw, TaskNvcsw, 8, ["task_struct.nvcsw"], [Lock];
            task_nivcsw, TaskNivcsw, 8, ["task_struct.nivcsw"], [Lock];
            -, TaskLastArrival, 8, ["task_struct.sched_info.last_arrival"];
            -, TaskBlocker, 8, ["task_struct.blocker"];
            -, TaskBlockedOn, 8, ["task_struct.blocked_on"];
            -, TaskThreadPid, 8, ["task_struct.thread_pid"];
            mutex_owner, MutexOwner, 8, ["mutex.owner"], [Lock];
            mutex_wait_list, MutexWaitList, 16, ["mutex.wait_list"];
            mutex_first_waiter, MutexFirstWaiter, 8, ["mutex.first_waiter"];
            waiter_list, MutexWaiterList, 16, ["mutex_waiter.list"];
            waiter_task, MutexWaiterTask, 8, ["mutex_waiter.task"];
            -, RwsemCount, 8, ["rw_semaphore.count"];
            rwsem_owner, RwsemOwner, 8, ["rw_semaphore.owner"], [Lock];
            rwsem_wait_list, RwsemWaitList, 16, ["rw_semaphore.wait_list"];
            rwsem_first_waiter, RwsemFirstWaiter, 8, ["rw_semaphore.first_waiter"];
            -, RwsemWaiterList, 16, ["rwsem_waiter.list"];
            -, RwsemWaiterTask, 8, ["rwsem_waiter.task"];
            -, SemaphoreWaitList, 16, ["semaphore.wait_list"];
            -, SemaphoreFirstWaiter, 8, ["semaphore.first_waiter"];
            -, SemaphoreWaiterList, 16, ["semaphore_waiter.list"];
            -, SemaphoreWaiterTask, 8, ["semaphore_waiter.task"];
            -, SemaphoreLastHolder, 8, ["semaphore.last_holder"];
            -, PercpuReadCount, 8, ["percpu_rw_semaphore.read_count"];
            -, PercpuWriter, 8, ["percpu_rw_semaphore.writer.task"];
            percpu_waiters, PercpuWaiters, 16, ["percpu_rw_semaphore.waiters.head"];
            -, PercpuBlock, 4, ["percpu_rw_semaphore.block"];
            -, QueueFunc, 8, ["wait_queue_entry.func"];
            queue_private, QueuePrivate, 8, ["wait_queue_entry.private"];
            queue_entry, QueueEntry, 16, ["wait_queue_entry.entry"];
            -, SwaitTask, 8, ["swait_queue.task"];
            -, SwaitList, 16, ["swait_queue.task_list"];
            -, CompletionWaiters, 16, ["completion.wait.task_list"];
            -, PipeReadWaiters, 16, ["pipe_inode_info.rd_wait.head"];
            -, PipeWriteWaiters, 16, ["pipe_inode_info.wr_wait.head"];
            -, PipeBufs, 8, ["pipe_inode_info.bufs"];
            -, PipeHead, 4, ["pipe_inode_info.head"];
            -, PipeTail, 4, ["pipe_inode_info.tail"];
            -, PipeRingSize, 4, ["pipe_inode_info.ring_size"];
            -, PipeBufferPage, 8, ["pipe_buffer.page"];
            -, PipeReaders, 4, ["pipe_inode_info.readers"];
            -, PipeWriters, 4, ["pipe_inode_info.writers"];
            -, FileMode, 4, ["file.f_mode"];
            -, PageRefcount, 4, ["page._refcount"];
            -, PageMapcount, 4, ["page._mapcount"];
            -, FolioMapcount, 4, ["folio._large_mapcount"];
            -, FolioEntireMapcount, 4, ["folio._entire_mapcount", "folio._total_mapcount", "page.compound_mapcount"];
            -, PidLevel, 4, ["pid.level"];
            -, PidNumbers, 0, ["pid.numbers"];
            -, UpidNs, 8, ["upid.ns"];
            -, PidNsInum, 4, ["pid_namespace.ns.inum"];
            -, CgroupDyingWaiters, 16, ["cgroup.dying_populated_waitq.head"];
            cgroup_kn, CgroupKn, 8, ["cgroup.kn"], [Memcg];
            kernfs_id, KernfsId, 8, ["kernfs_node.id"], [Memcg];
            -, KernfsParent, 8, ["kernfs_node.__parent", "kernfs_node.parent"];
            kernfs_name, KernfsName, 8, ["kernfs_node.name"], [Memcg];
            -, CssSetDflCgrp, 8, ["css_set.dfl_cgrp"];
            -, InodeRwsem, 0, ["inode.i_rwsem"];
            -, InodeMapping, 8, ["inode.i_mapping"];
            -, InodeData, 0, ["inode.i_data"];
            -, SbUmount, 0, ["super_block.s_umount"];
            -, SbWriters, 0, ["super_block.s_writers.rw_sem"];
            -, SbFrozen, 0, ["super_block.s_writers.frozen"];
            -, SbId, 32, ["super_block.s_id"];
            -, SbRoot, 8, ["super_block.s_root"];
            -, DentrySb, 8, ["dentry.d_sb"];
            -, MmMmapLock, 0, ["mm_struct.mmap_lock"];
            -, SignalCredGuard, 0, ["signal_struct.cred_guard_mutex"];
            -, SignalExecUpdate, 0, ["signal_struct.exec_update_lock", "signal_struct.exec_update_mutex"];
            -, TaskMm, 8, ["task_struct.mm"];
            -, MmPgd, 8, ["mm_struct.pgd"];
            -, TaskExecRuntime, 8, ["task_struct.se.sum_exec_runtime"];
            -, TaskPrevExecRuntime, 8, ["task_struct.se.prev_sum_exec_runtime"];
            task_utime, TaskUtime, 8, ["task_struct.utime"];
            -, TaskPiBlockedOn, 8, ["task_struct.pi_blocked_on"];
            subprocess_data, -, 8, ["subprocess_info.data"];
        }
    };
}
