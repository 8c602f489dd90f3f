//! Fields of tasks and their resources.

/// Passes these rows on, after the rows of `$before`.
#[doc(hidden)]
#[macro_export]
macro_rules! fields_of_tasks {
    ($to:ident $($before:tt)*) => {
        $crate::fields_of_waits! { $to $($before)*
            task_pid, TaskPid, 4, ["task_struct.pid"], [Lock];
            task_tgid, TaskTgid, 4, ["task_struct.tgid"], [Lock, Reclaim];
            task_comm, TaskComm, 16, ["task_struct.comm"], [Lock, Reclaim];
            task_start_time, TaskStartTime, 8, ["task_struct.start_time"], [Lock, Reclaim];
            -, TaskState, 4, ["task_struct.__state"];
            -, TaskStateLong, 8, ["task_struct.state"];
            -, TaskExitState, 4, ["task_struct.exit_state"];
            -, TaskRealParent, 8, ["task_struct.real_parent"];
            -, TaskGroupLeader, 8, ["task_struct.group_leader"];
            -, TaskFiles, 8, ["task_struct.files"];
            -, TaskNsproxy, 8, ["task_struct.nsproxy"];
            task_cgroups, TaskCgroups, 8, ["task_struct.cgroups"], [Memcg, Lock, Reclaim];
            -, TaskCgList, 16, ["task_struct.cg_list"];
            -, TaskTasks, 16, ["task_struct.tasks"];
            task_signal, TaskSignal, 8, ["task_struct.signal"];
            -, TaskThreadNode, 16, ["task_struct.thread_node"];
            -, TaskFs, 8, ["task_struct.fs"];
            -, TaskStackVmArea, 8, ["task_struct.stack_vm_area"];
            -, VmStructPages, 8, ["vm_struct.pages"];
            -, VmStructNrPages, 0, ["vm_struct.nr_pages"];
            -, SignalNrThreads, 4, ["signal_struct.nr_threads"];
            -, FsRootDentry, 8, ["fs_struct.root.dentry"];
            -, FsRootMnt, 8, ["fs_struct.root.mnt"];
            -, FsPwdDentry, 8, ["fs_struct.pwd.dentry"];
            -, SignalThreadHead, 16, ["signal_struct.thread_head"];
            -, FilesFdt, 8, ["files_struct.fdt"];
            -, FdtMaxFds, 4, ["fdtable.max_fds"];
            -, FdtFd, 8, ["fdtable.fd"];
            -, FileOp, 8, ["file.f_op"];
            -, FileInode, 8, ["file.f_inode"];
            -, FilePrivate, 8, ["file.private_data"];
            -, FileDentry, 8, ["file.f_path.dentry", "file.__f_path.dentry"];
            -, FileCount, 8, ["file.f_ref.refcnt", "file.f_count"];
            -, NsproxyNet, 8, ["nsproxy.net_ns"];
            -, NsproxyIpc, 8, ["nsproxy.ipc_ns"];
            -, IpcNsInum, 4, ["ipc_namespace.ns.inum"];
            -, IpcNsIds, 0, ["ipc_namespace.ids"];
            -, IpcIdsIdr, 0, ["ipc_ids.ipcs_idr.idr_rt"];
            -, SegmentFile, 8, ["shmid_kernel.shm_file"];
            -, ShmDataFile, 8, ["shm_file_data.file"];
            -, NsproxyCgroup, 8, ["nsproxy.cgroup_ns"];
        }
    };
}
