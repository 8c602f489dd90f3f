//! Fields that user space reads by itself, one row each in `field_rows`; those that programs read
//! are in `rows`.

use super::field_rows::ROWS;
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
    CgroupRoot,
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
    CacheFlags,
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
    CacheNodes,
    NodeBarn,
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
    InodeState,
    InodeCount,
    InodePrivate,
    SbType,
    SbDev,
    SbMounts,
    SbList,
    FsTypeName,
    DentryParent,
    DentryName,
    DentryNameLen,
    DentryAlias,
    DentryInode,
    DentryCount,
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
    // waits
    TaskStack,
    TaskSp,
    TaskOnCpu,
    TaskFlags,
    TaskNvcsw,
    TaskNivcsw,
    TaskLastArrival,
    TaskBlocker,
    TaskBlockedOn,
    TaskThreadPid,
    MutexOwner,
    MutexWaitList,
    MutexFirstWaiter,
    MutexWaiterList,
    MutexWaiterTask,
    RwsemCount,
    RwsemOwner,
    RwsemWaitList,
    RwsemFirstWaiter,
    RwsemWaiterList,
    RwsemWaiterTask,
    SemaphoreWaitList,
    SemaphoreFirstWaiter,
    SemaphoreWaiterList,
    SemaphoreWaiterTask,
    SemaphoreLastHolder,
    PercpuReadCount,
    PercpuWriter,
    PercpuWaiters,
    PercpuBlock,
    QueueFunc,
    QueuePrivate,
    QueueEntry,
    SwaitTask,
    SwaitList,
    CompletionWaiters,
    PipeReadWaiters,
    PipeWriteWaiters,
    PipeReaders,
    PipeWriters,
    FileMode,
    PageRefcount,
    PageMapcount,
    FolioMapcount,
    FolioEntireMapcount,
    PidLevel,
    PidNumbers,
    UpidNs,
    PidNsInum,
    CgroupDyingWaiters,
    CgroupKn,
    KernfsId,
    KernfsParent,
    KernfsName,
    CssSetDflCgrp,
    InodeRwsem,
    InodeMapping,
    InodeData,
    SbUmount,
    SbWriters,
    SbFrozen,
    SbId,
    SbRoot,
    DentrySb,
    MmMmapLock,
    TaskMm,
    MmPgd,
    TaskExecRuntime,
    TaskPrevExecRuntime,
    TaskUtime,
    TaskPiBlockedOn,
    // reclaim
    CgroupPsi,
    PsiTotal,
}

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
