//! Fields of what can make progress: the scheduler, servers, workqueues and RCU.

/// Passes these rows on, after the rows of `$before`.
#[doc(hidden)]
#[macro_export]
macro_rules! fields_of_actors {
    ($to:ident $($before:tt)*) => {
        $to! { $($before)*
            -, TaskOnRq, 0, ["task_struct.on_rq"];
            -, TaskSchedDelayed, 1, ["task_struct.se.sched_delayed"];
            -, TaskCpu, 4, ["task_struct.thread_info.cpu", "task_struct.cpu"];
            -, TaskPrio, 4, ["task_struct.prio"];
            -, TaskRtPriority, 4, ["task_struct.rt_priority"];
            -, TaskCfsRq, 8, ["task_struct.se.cfs_rq"];
            -, TaskSeParent, 8, ["task_struct.se.parent"];
            -, TaskThrottled, 1, ["task_struct.throttled"];
            -, TaskParent, 8, ["task_struct.parent"];
            -, TaskPtrace, 4, ["task_struct.ptrace"];
            -, TaskVforkDone, 8, ["task_struct.vfork_done"];
            -, TaskRcuHoldout, 1, ["task_struct.rcu_tasks_holdout"];
            -, TaskKthread, 8, ["task_struct.worker_private", "task_struct.set_child_tid"];
            -, KthreadData, 8, ["kthread.data"];
            -, RqCurr, 8, ["rq.curr"];
            -, SeCfsRq, 8, ["sched_entity.cfs_rq"];
            -, SeParent, 8, ["sched_entity.parent"];
            -, CfsRqThrottled, 0, ["cfs_rq.throttled"];
            -, CfsRqThrottleCount, 4, ["cfs_rq.throttle_count"];
            -, CfsRqTg, 8, ["cfs_rq.tg"];
            -, TgCgroup, 8, ["task_group.css.cgroup"];
            -, FanotifyWaiters, 16, ["fsnotify_group.fanotify_data.access_waitq.head"];
            -, FuseReqChan, 8, ["fuse_req.chan"];
            -, FuseReqMount, 8, ["fuse_req.fm"];
            -, FuseMountConn, 8, ["fuse_mount.fc"];
            -, FuseDevConn, 8, ["fuse_dev.chan", "fuse_dev.fc"];
            -, WorkData, 8, ["work_struct.data"];
            -, WorkEntry, 16, ["work_struct.entry"];
            -, WorkFunc, 8, ["work_struct.func"];
            -, BarrierFunc, 8, ["wq_barrier.work.func"];
            -, BarrierWork, 0, ["wq_barrier.work"];
            -, WorkerCurrentWork, 8, ["worker.current_work"];
            -, WorkerCurrentPwq, 8, ["worker.current_pwq"];
            -, WorkerScheduled, 16, ["worker.scheduled"];
            -, WorkerTask, 8, ["worker.task"];
            -, WorkerPool, 8, ["worker.pool"];
            -, WorkerRescueWq, 8, ["worker.rescue_wq"];
            -, PwqPool, 8, ["pool_workqueue.pool"];
            -, PwqWq, 8, ["pool_workqueue.wq"];
            -, PwqActive, 4, ["pool_workqueue.nr_active"];
            -, PwqInactive, 16, ["pool_workqueue.inactive_works", "pool_workqueue.delayed_works"];
            -, PoolCpu, 4, ["worker_pool.cpu"];
            -, PoolWorklist, 16, ["worker_pool.worklist"];
            -, WqList, 16, ["workqueue_struct.list"];
            -, WqName, 0, ["workqueue_struct.name"];
            -, WqFirstFlusher, 8, ["workqueue_struct.first_flusher"];
            -, WqFlusherQueue, 16, ["workqueue_struct.flusher_queue"];
            -, WqFlusherOverflow, 16, ["workqueue_struct.flusher_overflow"];
            -, WqFlusherList, 16, ["wq_flusher.list"];
            -, CgroupOfflineWaiters, 16, ["cgroup.offline_waitq.head"];
            -, CssDestroyWork, 0, ["cgroup_subsys_state.destroy_work"];
            -, CssDestroyRcuWork, 0, ["cgroup_subsys_state.destroy_rwork.work"];
            -, CssKillWork, 0, ["cgroup_subsys_state.kill_finish_work"];
            -, RcuDataNode, 8, ["rcu_data.mynode"];
            -, RcuDataMask, 8, ["rcu_data.grpmask"];
            -, RcuNodeMask, 8, ["rcu_node.qsmask"];
            -, RcuNodeExpMask, 8, ["rcu_node.expmask"];
            -, RcuNodeTasks, 8, ["rcu_node.gp_tasks"];
            -, RcuNodeExpTasks, 8, ["rcu_node.exp_tasks"];
            -, RcuNodeBlocked, 16, ["rcu_node.blkd_tasks"];
            -, TaskRcuNodeEntry, 16, ["task_struct.rcu_node_entry"];
            -, RcuGpKthread, 8, ["rcu_state.gp_kthread"];
            -, RcuTasksKthread, 8, ["rcu_tasks.kthread_ptr"];
            -, SrcuPerCpu, 8, ["srcu_struct.sda"];
            -, SrcuOwner, 8, ["srcu_data.ssp"];
            -, SrcuLockCounts, 16, ["srcu_data.srcu_lock_count"];
            -, SrcuUnlockCounts, 16, ["srcu_data.srcu_unlock_count"];
            -, SrcuCounts, 0, ["srcu_data.srcu_ctrs"];
            -, SrcuCountLocks, 8, ["srcu_ctr.srcu_locks"];
            -, SrcuCountUnlocks, 8, ["srcu_ctr.srcu_unlocks"];
            -, KernfsActive, 4, ["kernfs_node.active"];
            -, QueueFreezeWaiters, 16, ["request_queue.mq_freeze_wq.head"];
            -, QueueUsage, 8, ["request_queue.q_usage_counter.data"];
            -, QueueDisk, 8, ["request_queue.disk"];
            -, CgroupPsi, 0, ["cgroup.psi"];
            -, PsiTotal, 0, ["psi_group.total"];
        }
    };
}
