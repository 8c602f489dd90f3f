//! Fields of files, inodes, names, and their holders.

/// Passes these rows on, after the rows of `$before`.
#[doc(hidden)]
#[macro_export]
macro_rules! fields_of_files {
    ($to:ident $($before:tt)*) => {
        $crate::fields_of_sockets! { $to $($before)*
            // files
            -, MappingHost, 8, ["address_space.host"];
            -, MappingNrPages, 8, ["address_space.nrpages"];
            -, MappingMappings, 8, ["address_space.i_mmap.rb_root.rb_node"];
            -, InodeIno, 8, ["inode.i_ino"];
            -, InodeSb, 8, ["inode.i_sb"];
            -, InodeNlink, 4, ["inode.__i_nlink"];
            -, InodeAliases, 8, ["inode.i_dentry.first"];
            -, InodeState, 0, ["inode.i_state.__state", "inode.i_state"];
            -, InodeCount, 4, ["inode.i_count"];
            -, InodeRdev, 4, ["inode.i_rdev"];
            -, InodeMode, 2, ["inode.i_mode"];
            -, InodeCtime, 8, ["inode.i_ctime_sec", "inode.__i_ctime.tv_sec", "inode.i_ctime.tv_sec"];
            -, InodePrivate, 8, ["inode.i_private"];
            sb_type, SbType, 8, ["super_block.s_type"];
            sb_dev, SbDev, 4, ["super_block.s_dev"];
            -, SbMounts, 0, ["super_block.s_mounts"];
            -, SbList, 16, ["super_block.s_list"];
            fs_type_name, FsTypeName, 8, ["file_system_type.name"];
            -, FsTypeKillSb, 8, ["file_system_type.kill_sb"];
            -, DentryParent, 8, ["dentry.d_parent"];
            -, DentryName, 8, ["dentry.d_name.name"];
            -, DentryNameLen, 4, ["dentry.d_name.len"];
            -, DentryAlias, 16, ["dentry.d_u.d_alias", "dentry.d_alias"];
            -, DentryInode, 8, ["dentry.d_inode"];
            -, DentryCount, 4, ["dentry.d_lockref.count"];
            -, DentrySubdirs, 16, ["dentry.d_subdirs"];
            -, DentryChildren, 8, ["dentry.d_children"];
            -, DentryFlags, 4, ["dentry.d_flags"];
            -, DentryHashed, 8, ["dentry.d_hash.pprev"];
            -, MountParent, 8, ["mount.mnt_parent"];
            -, MountMountpoint, 8, ["mount.mnt_mountpoint"];
            -, MountRoot, 8, ["mount.mnt.mnt_root"];
            -, MountSb, 8, ["mount.mnt.mnt_sb"];
            -, MountInstance, 16, ["mount.mnt_instance"];
            -, MountNextForSb, 8, ["mount.mnt_next_for_sb"];
            -, MountChildren, 16, ["mount.mnt_mounts"];
            -, MountChild, 16, ["mount.mnt_child"];
            -, MountNs, 8, ["mount.mnt_ns"];
            -, VfsmountSb, 8, ["vfsmount.mnt_sb"];
            -, FileRef, 0, ["file.f_ref"];
            // writeback
            -, BdiList, 16, ["backing_dev_info.bdi_list"];
            -, BdiWbList, 16, ["backing_dev_info.wb_list"];
            -, BdiDevName, 64, ["backing_dev_info.dev_name"];
            -, WbBdiNode, 16, ["bdi_writeback.bdi_node"];
            -, WbMemcgCss, 8, ["bdi_writeback.memcg_css"];
            -, WbDirty, 16, ["bdi_writeback.b_dirty"];
            -, WbIo, 16, ["bdi_writeback.b_io"];
            -, WbMoreIo, 16, ["bdi_writeback.b_more_io"];
            -, WbDirtyTime, 16, ["bdi_writeback.b_dirty_time"];
            -, WbAttached, 16, ["bdi_writeback.b_attached"];
            -, InodeIoList, 16, ["inode.i_io_list"];
            -, InodeWb, 8, ["inode.i_wb"];
            -, SbBdi, 8, ["super_block.s_bdi"];
            -, SbFlags, 8, ["super_block.s_flags"];
            -, BdiCapabilities, 4, ["backing_dev_info.capabilities"];
            -, MappingOps, 8, ["address_space.a_ops"];
            -, MappingFlags, 8, ["address_space.flags"];
            // ways to hold a file
            -, SbInodes, 16, ["super_block.s_inodes"];
            -, InodeSbList, 16, ["inode.i_sb_list"];
            -, SbBdev, 8, ["super_block.s_bdev"];
            -, SbBdevFile, 8, ["super_block.s_bdev_file"];
            -, BdevDevice, 0, ["block_device.bd_device"];
            -, BdevOpeners, 4, ["block_device.bd_openers"];
            -, BdevDisk, 8, ["block_device.bd_disk"];
            -, BdevInode, 0, ["bdev_inode.vfs_inode"];
            -, DiskName, 32, ["gendisk.disk_name"];
            -, XarrayHead, 8, ["xarray.xa_head"];
            -, XaNodeShift, 1, ["xa_node.shift"];
            -, XaNodeSlots, 0, ["xa_node.slots"];
            -, MntNsInum, 4, ["mnt_namespace.ns.inum"];
            -, NsproxyMnt, 8, ["nsproxy.mnt_ns"];
            -, InodeFop, 8, ["inode.i_fop"];
            -, FileMapping, 8, ["file.f_mapping"];
            -, SwapFile, 8, ["swap_info_struct.swap_file"];
            -, SwapBdev, 8, ["swap_info_struct.bdev"];
            -, RingFiles, 8, ["io_ring_ctx.file_table.files"];
            -, RingNrFiles, 4, ["io_ring_ctx.nr_user_files"];
            -, RingNodes, 8, ["io_ring_ctx.file_table.data.nodes"];
            -, RingNrNodes, 4, ["io_ring_ctx.file_table.data.nr"];
            -, RingNodeFile, 8, ["io_rsrc_node.file_ptr"];
            -, RingBuffers, 8, ["io_ring_ctx.user_bufs"];
            -, RingNrBuffers, 4, ["io_ring_ctx.nr_user_bufs"];
            -, RingBufferNodes, 8, ["io_ring_ctx.buf_table.nodes"];
            -, RingNrBufferNodes, 4, ["io_ring_ctx.buf_table.nr"];
            -, RingNodeBuffer, 8, ["io_rsrc_node.buf"];
            -, BufferNrVecs, 4, ["io_mapped_ubuf.nr_bvecs"];
            -, BufferVecs, 0, ["io_mapped_ubuf.bvec"];
            -, BioVecPage, 8, ["bio_vec.bv_page"];
            -, MmIoctxTable, 8, ["mm_struct.ioctx_table"];
            -, IoctxTableNr, 4, ["kioctx_table.nr"];
            -, IoctxTableContexts, 0, ["kioctx_table.table"];
            -, IoctxFile, 8, ["kioctx.aio_ring_file"];
            -, IoctxRequests, 16, ["kioctx.active_reqs"];
            -, IocbInContext, 16, ["aio_kiocb.ki_list"];
            -, IocbFile, 8, ["aio_kiocb.ki_filp"];
            -, MergedItems, 8, ["ksm_stable_node.hlist", "stable_node.hlist"];
            -, MergedItemNext, 16, ["ksm_rmap_item.hlist", "rmap_item.hlist"];
            -, MergedItemAnonVma, 8, ["ksm_rmap_item.anon_vma", "rmap_item.anon_vma"];
            -, MergedItemAddress, 8, ["ksm_rmap_item.address", "rmap_item.address"];
            -, HugeInode, 0, ["hugetlbfs_inode_info.vfs_inode"];
            -, HugeReserved, 8, ["hugetlbfs_inode_info.resv_map"];
            -, MappingPrivate, 8, ["address_space.i_private_data", "address_space.private_data"];
            -, ReservedRegions, 16, ["resv_map.regions"];
            -, RegionInMap, 16, ["file_region.link"];
            -, RegionCss, 8, ["file_region.css"];
        }
    };
}
