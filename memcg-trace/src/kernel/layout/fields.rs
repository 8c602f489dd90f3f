//! Fields that user space reads by itself, one row each; those that programs read are in `rows`.

use super::find_member;
use crate::kernel::btf::Btf;

/// One field, named after the kernel's own path to it; its row says where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is named after the kernel's own path to it"
)]
pub enum Field {
    // memcg
    CssSetTasks,
    CssSetMgTasks,
    CssSetDyingTasks,
    CssSetSubsys,
    CssSetECsetNode,
    CgroupECsets,
    CgroupNsRootCset,
    CgroupNsInum,
    NsCommonInum,
    NsCommonOps,
    CssCgroup,
    CssChildren,
    CssSibling,
    CssFlags,
    CssParent,
    CssSerialNr,
    CssRefcntPtr,
    CssRefcntData,
    RefCount,
    RefConfirmSwitch,
    MemcgIdRef,
    MemcgSwapUsage,
    MemcgNodeinfo,
    MemcgMmList,
    NodeLists,
    NodeGenerations,
    NodeLruZoneSize,
    NodeGenerationPages,
    StockCached,
    // pages
    PageFlags,
    PageLru,
    PageMapping,
    PageIndex,
    PageHead,
    PageType,
    PageMemcgData,
    PageNrPages,
    SlabCache,
    SlabCounters,
    CacheName,
    CacheSize,
    CacheRedLeft,
    CacheObjectSize,
    CacheOrder,
    CacheOffset,
    CacheRandom,
    CacheCpuSlab,
    CacheCpuSheaves,
    CachePerNode,
    PerNodeBarn,
    PerNodeNode,
    CpuSlabFreelist,
    CpuSlabSlab,
    SheavesMain,
    SheavesSpare,
    SheafBarnList,
    SheafSize,
    SheafObjects,
    BarnFull,
    ObjcgMemcg,
    MemcgObjcg,
    NodeObjcg,
    // files
    MappingHost,
    MappingMappings,
    InodeIno,
    InodeSb,
    InodeNlink,
    InodeAliases,
    InodePrivate,
    SbType,
    SbDev,
    SbMounts,
    FsTypeName,
    DentryParent,
    DentryName,
    DentryNameLen,
    DentryAlias,
    DentryInode,
    MountParent,
    MountMountpoint,
    MountRoot,
    MountSb,
    MountInstance,
    MountNextForSb,
    MountNs,
    VfsmountSb,
    // memory of processes
    VmaInTree,
    VmaMm,
    RbRight,
    RbLeft,
    AnonVmaTree,
    AnonVmaRoot,
    ChainInTree,
    ChainVma,
    MmOwner,
    MmLruGenList,
    MmLruGenMemcg,
    // tasks
    TaskPid,
    TaskTgid,
    TaskComm,
    TaskStartTime,
    TaskState,
    TaskStateLong,
    TaskExitState,
    TaskRealParent,
    TaskGroupLeader,
    TaskFiles,
    TaskNsproxy,
    TaskCgroups,
    TaskCgList,
    TaskTasks,
    TaskSignal,
    TaskThreadNode,
    SignalThreadHead,
    FilesFdt,
    FdtMaxFds,
    FdtFd,
    FileOp,
    FileInode,
    FilePrivate,
    NsproxyNet,
    NsproxyCgroup,
    // sockets
    SocketSk,
    SocketFile,
    SocketAllocSocket,
    SocketAllocInode,
    SockMemcg,
    SockSocket,
    SockProtocol,
    SockFamily,
    SockState,
    SockRefcnt,
    SockProt,
    SockNet,
    SockNum,
    SockDport,
    SockDaddr,
    SockRcvSaddr,
    SockV6Daddr,
    SockV6RcvSaddr,
    UnixAddr,
    UnixPeer,
    UnixAddressLen,
    UnixAddressName,
    NetlinkPortid,
    ProtoName,
    ProtoSlab,
    ProtoObjSize,
    ProtoNode,
    NetInum,
    FsnotifyMemcg,
    // writeback
    BdiList,
    BdiWbList,
    BdiDevName,
    WbBdiNode,
    WbMemcgCss,
    WbDirty,
    WbIo,
    WbMoreIo,
    WbDirtyTime,
    WbAttached,
    InodeIoList,
}

struct Row {
    field: Field,
    /// Bytes that it must have; 0 where its size says how many there are of something.
    bytes: u32,
    /// Where it has been, newest first.
    paths: &'static [&'static str],
}

const fn row(field: Field, bytes: u32, paths: &'static [&'static str]) -> Row {
    Row {
        field,
        bytes,
        paths,
    }
}

/// The table, in the order of [`Field`]. One line a field, however long.
#[rustfmt::skip]
const ROWS: &[Row] = {
    use Field::*;
    &[
        // memcg
        row(CssSetTasks, 16, &["css_set.tasks"]),
        row(CssSetMgTasks, 16, &["css_set.mg_tasks"]),
        row(CssSetDyingTasks, 16, &["css_set.dying_tasks"]),
        row(CssSetSubsys, 0, &["css_set.subsys"]),
        row(CssSetECsetNode, 0, &["css_set.e_cset_node"]),
        row(CgroupECsets, 0, &["cgroup.e_csets"]),
        row(CgroupNsRootCset, 8, &["cgroup_namespace.root_cset"]),
        row(CgroupNsInum, 4, &["cgroup_namespace.ns.inum"]),
        row(NsCommonInum, 4, &["ns_common.inum"]),
        row(NsCommonOps, 8, &["ns_common.ops"]),
        row(CssCgroup, 8, &["cgroup_subsys_state.cgroup"]),
        row(CssChildren, 16, &["cgroup_subsys_state.children"]),
        row(CssSibling, 16, &["cgroup_subsys_state.sibling"]),
        row(CssFlags, 4, &["cgroup_subsys_state.flags"]),
        row(CssParent, 8, &["cgroup_subsys_state.parent"]),
        row(CssSerialNr, 8, &["cgroup_subsys_state.serial_nr"]),
        row(CssRefcntPtr, 8, &["cgroup_subsys_state.refcnt.percpu_count_ptr"]),
        row(CssRefcntData, 8, &["cgroup_subsys_state.refcnt.data"]),
        row(RefCount, 8, &["percpu_ref_data.count"]),
        row(RefConfirmSwitch, 8, &["percpu_ref_data.confirm_switch"]),
        row(MemcgIdRef, 4, &["mem_cgroup.id.ref"]),
        row(MemcgSwapUsage, 8, &["mem_cgroup.swap.usage"]),
        row(MemcgNodeinfo, 0, &["mem_cgroup.nodeinfo"]),
        row(MemcgMmList, 16, &["mem_cgroup.mm_list.fifo"]),
        row(NodeLists, 0, &["mem_cgroup_per_node.lruvec.lists"]),
        row(NodeGenerations, 0, &["mem_cgroup_per_node.lruvec.lrugen.folios", "mem_cgroup_per_node.lruvec.lrugen.lists"]),
        row(NodeLruZoneSize, 0, &["mem_cgroup_per_node.lru_zone_size"]),
        row(NodeGenerationPages, 0, &["mem_cgroup_per_node.lruvec.lrugen.nr_pages"]),
        row(StockCached, 0, &["memcg_stock_pcp.cached"]),
        // pages
        row(PageFlags, 8, &["page.flags"]),
        row(PageLru, 16, &["page.lru"]),
        row(PageMapping, 8, &["page.mapping"]),
        row(PageIndex, 8, &["page.index", "page.__folio_index"]),
        row(PageHead, 8, &["page.compound_info", "page.compound_head"]),
        row(PageType, 4, &["page.page_type"]),
        row(PageMemcgData, 8, &["page.memcg_data", "page.mem_cgroup"]),
        row(PageNrPages, 4, &["folio._nr_pages", "folio._folio_nr_pages", "page.compound_nr"]),
        row(SlabCache, 8, &["slab.slab_cache", "page.slab_cache"]),
        row(SlabCounters, 8, &["slab.counters", "page.counters"]),
        row(CacheName, 8, &["kmem_cache.name"]),
        row(CacheSize, 4, &["kmem_cache.size"]),
        row(CacheRedLeft, 4, &["kmem_cache.red_left_pad"]),
        row(CacheObjectSize, 4, &["kmem_cache.object_size"]),
        row(CacheOrder, 4, &["kmem_cache.oo.x"]),
        row(CacheOffset, 4, &["kmem_cache.offset"]),
        row(CacheRandom, 8, &["kmem_cache.random"]),
        row(CacheCpuSlab, 8, &["kmem_cache.cpu_slab"]),
        row(CacheCpuSheaves, 8, &["kmem_cache.cpu_sheaves"]),
        row(CachePerNode, 0, &["kmem_cache.per_node"]),
        row(PerNodeBarn, 8, &["kmem_cache_per_node_ptrs.barn"]),
        row(PerNodeNode, 8, &["kmem_cache_per_node_ptrs.node"]),
        row(CpuSlabFreelist, 8, &["kmem_cache_cpu.freelist"]),
        row(CpuSlabSlab, 8, &["kmem_cache_cpu.slab", "kmem_cache_cpu.page"]),
        row(SheavesMain, 8, &["slub_percpu_sheaves.main"]),
        row(SheavesSpare, 8, &["slub_percpu_sheaves.spare"]),
        row(SheafBarnList, 16, &["slab_sheaf.barn_list"]),
        row(SheafSize, 4, &["slab_sheaf.size"]),
        row(SheafObjects, 0, &["slab_sheaf.objects"]),
        row(BarnFull, 16, &["node_barn.sheaves_full"]),
        row(ObjcgMemcg, 8, &["obj_cgroup.memcg"]),
        row(MemcgObjcg, 8, &["mem_cgroup.objcg"]),
        row(NodeObjcg, 8, &["mem_cgroup_per_node.objcg"]),
        // files
        row(MappingHost, 8, &["address_space.host"]),
        row(MappingMappings, 8, &["address_space.i_mmap.rb_root.rb_node"]),
        row(InodeIno, 8, &["inode.i_ino"]),
        row(InodeSb, 8, &["inode.i_sb"]),
        row(InodeNlink, 4, &["inode.__i_nlink"]),
        row(InodeAliases, 8, &["inode.i_dentry.first"]),
        row(InodePrivate, 8, &["inode.i_private"]),
        row(SbType, 8, &["super_block.s_type"]),
        row(SbDev, 4, &["super_block.s_dev"]),
        row(SbMounts, 0, &["super_block.s_mounts"]),
        row(FsTypeName, 8, &["file_system_type.name"]),
        row(DentryParent, 8, &["dentry.d_parent"]),
        row(DentryName, 8, &["dentry.d_name.name"]),
        row(DentryNameLen, 4, &["dentry.d_name.len"]),
        row(DentryAlias, 16, &["dentry.d_u.d_alias", "dentry.d_alias"]),
        row(DentryInode, 8, &["dentry.d_inode"]),
        row(MountParent, 8, &["mount.mnt_parent"]),
        row(MountMountpoint, 8, &["mount.mnt_mountpoint"]),
        row(MountRoot, 8, &["mount.mnt.mnt_root"]),
        row(MountSb, 8, &["mount.mnt.mnt_sb"]),
        row(MountInstance, 16, &["mount.mnt_instance"]),
        row(MountNextForSb, 8, &["mount.mnt_next_for_sb"]),
        row(MountNs, 8, &["mount.mnt_ns"]),
        row(VfsmountSb, 8, &["vfsmount.mnt_sb"]),
        // memory of processes
        row(VmaInTree, 24, &["vm_area_struct.shared.rb"]),
        row(VmaMm, 8, &["vm_area_struct.vm_mm"]),
        row(RbRight, 8, &["rb_node.rb_right"]),
        row(RbLeft, 8, &["rb_node.rb_left"]),
        row(AnonVmaTree, 8, &["anon_vma.rb_root.rb_root.rb_node"]),
        row(AnonVmaRoot, 8, &["anon_vma.root"]),
        row(ChainInTree, 24, &["anon_vma_chain.rb"]),
        row(ChainVma, 8, &["anon_vma_chain.vma"]),
        row(MmOwner, 8, &["mm_struct.owner"]),
        row(MmLruGenList, 16, &["mm_struct.lru_gen.list"]),
        row(MmLruGenMemcg, 8, &["mm_struct.lru_gen.memcg"]),
        // tasks
        row(TaskPid, 4, &["task_struct.pid"]),
        row(TaskTgid, 4, &["task_struct.tgid"]),
        row(TaskComm, 16, &["task_struct.comm"]),
        row(TaskStartTime, 8, &["task_struct.start_time"]),
        row(TaskState, 4, &["task_struct.__state"]),
        row(TaskStateLong, 8, &["task_struct.state"]),
        row(TaskExitState, 4, &["task_struct.exit_state"]),
        row(TaskRealParent, 8, &["task_struct.real_parent"]),
        row(TaskGroupLeader, 8, &["task_struct.group_leader"]),
        row(TaskFiles, 8, &["task_struct.files"]),
        row(TaskNsproxy, 8, &["task_struct.nsproxy"]),
        row(TaskCgroups, 8, &["task_struct.cgroups"]),
        row(TaskCgList, 16, &["task_struct.cg_list"]),
        row(TaskTasks, 16, &["task_struct.tasks"]),
        row(TaskSignal, 8, &["task_struct.signal"]),
        row(TaskThreadNode, 16, &["task_struct.thread_node"]),
        row(SignalThreadHead, 16, &["signal_struct.thread_head"]),
        row(FilesFdt, 8, &["files_struct.fdt"]),
        row(FdtMaxFds, 4, &["fdtable.max_fds"]),
        row(FdtFd, 8, &["fdtable.fd"]),
        row(FileOp, 8, &["file.f_op"]),
        row(FileInode, 8, &["file.f_inode"]),
        row(FilePrivate, 8, &["file.private_data"]),
        row(NsproxyNet, 8, &["nsproxy.net_ns"]),
        row(NsproxyCgroup, 8, &["nsproxy.cgroup_ns"]),
        // sockets
        row(SocketSk, 8, &["socket.sk"]),
        row(SocketFile, 8, &["socket.file"]),
        row(SocketAllocSocket, 0, &["socket_alloc.socket"]),
        row(SocketAllocInode, 0, &["socket_alloc.vfs_inode"]),
        row(SockMemcg, 8, &["sock.sk_memcg"]),
        row(SockSocket, 8, &["sock.sk_socket"]),
        row(SockProtocol, 2, &["sock.sk_protocol"]),
        row(SockFamily, 2, &["sock.__sk_common.skc_family"]),
        row(SockState, 1, &["sock.__sk_common.skc_state"]),
        row(SockRefcnt, 4, &["sock.__sk_common.skc_refcnt"]),
        row(SockProt, 8, &["sock.__sk_common.skc_prot"]),
        row(SockNet, 8, &["sock.__sk_common.skc_net.net"]),
        row(SockNum, 2, &["sock.__sk_common.skc_num"]),
        row(SockDport, 2, &["sock.__sk_common.skc_dport"]),
        row(SockDaddr, 4, &["sock.__sk_common.skc_daddr"]),
        row(SockRcvSaddr, 4, &["sock.__sk_common.skc_rcv_saddr"]),
        row(SockV6Daddr, 16, &["sock.__sk_common.skc_v6_daddr"]),
        row(SockV6RcvSaddr, 16, &["sock.__sk_common.skc_v6_rcv_saddr"]),
        row(UnixAddr, 8, &["unix_sock.addr"]),
        row(UnixPeer, 8, &["unix_sock.peer"]),
        row(UnixAddressLen, 4, &["unix_address.len"]),
        row(UnixAddressName, 0, &["unix_address.name"]),
        row(NetlinkPortid, 4, &["netlink_sock.portid"]),
        row(ProtoName, 32, &["proto.name"]),
        row(ProtoSlab, 8, &["proto.slab"]),
        row(ProtoObjSize, 4, &["proto.obj_size"]),
        row(ProtoNode, 16, &["proto.node"]),
        row(NetInum, 4, &["net.ns.inum"]),
        row(FsnotifyMemcg, 8, &["fsnotify_group.memcg"]),
        // writeback
        row(BdiList, 16, &["backing_dev_info.bdi_list"]),
        row(BdiWbList, 16, &["backing_dev_info.wb_list"]),
        row(BdiDevName, 64, &["backing_dev_info.dev_name"]),
        row(WbBdiNode, 16, &["bdi_writeback.bdi_node"]),
        row(WbMemcgCss, 8, &["bdi_writeback.memcg_css"]),
        row(WbDirty, 16, &["bdi_writeback.b_dirty"]),
        row(WbIo, 16, &["bdi_writeback.b_io"]),
        row(WbMoreIo, 16, &["bdi_writeback.b_more_io"]),
        row(WbDirtyTime, 16, &["bdi_writeback.b_dirty_time"]),
        row(WbAttached, 16, &["bdi_writeback.b_attached"]),
        row(InodeIoList, 16, &["inode.i_io_list"]),
    ]
};

/// Where the fields are in the running kernel.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    places: Vec<Result<Place, String>>,
}

/// Where a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes from the begin of what it is in.
    pub offset: u64,
    /// Bytes that it has.
    pub bytes: u64,
}

impl Fields {
    /// Resolves all rows.
    #[must_use]
    pub fn resolve(btf: &Btf) -> Self {
        let mut places = vec![Err("not in the table".to_owned()); ROWS.len()];
        for row in ROWS {
            let bytes = (row.bytes != 0).then_some(row.bytes);
            places[row.field as usize] = find_member(btf, row.paths, bytes);
        }
        Self { places }
    }

    /// Where a field is.
    ///
    /// # Errors
    /// One line that says what this kernel lacks.
    pub fn place(&self, field: Field) -> Result<Place, &str> {
        match self.places.get(field as usize) {
            Some(Ok(place)) => Ok(*place),
            Some(Err(what)) => Err(what),
            None => Err("the layout is not resolved"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_fields() {
        for (at, row) in ROWS.iter().enumerate() {
            assert_eq!(row.field as usize, at, "{:?}", row.field);
        }
    }
}
