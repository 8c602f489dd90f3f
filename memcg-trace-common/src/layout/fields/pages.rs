//! Fields of pages, slabs, and the memory of processes.

/// Passes these rows on, after the rows of `$before`.
#[doc(hidden)]
#[macro_export]
macro_rules! fields_of_pages {
    ($to:ident $($before:tt)*) => {
        $crate::fields_of_files! { $to $($before)*
            // pages
            page_flags, PageFlags, 8, ["page.flags"], [Slab];
            -, PageLru, 16, ["page.lru"];
            -, PageMapping, 8, ["page.mapping"];
            -, PageIndex, 8, ["page.index", "page.__folio_index"];
            page_head, PageHead, 8, ["page.compound_info", "page.compound_head"], [Slab];
            page_type, PageType, 4, ["page.page_type"], [Slab];
            -, PageMemcgData, 8, ["page.memcg_data", "page.mem_cgroup"];
            -, PageNrPages, 4, ["folio._nr_pages", "folio._folio_nr_pages", "page.compound_nr"];
            slab_cache, SlabCache, 8, ["slab.slab_cache", "page.slab_cache"], [Slab];
            slab_counters, SlabCounters, 8, ["slab.counters", "page.counters"], [Slab];
            slab_vector, -, 8, ["slab.obj_exts", "slab.memcg_data", "page.obj_cgroups"], [Slab];
            slab_stride, -, 4, ["slab.stride"];
            cache_name, CacheName, 8, ["kmem_cache.name"], [Slab];
            cache_flags, CacheFlags, 4, ["kmem_cache.flags"], [Slab];
            cache_size, CacheSize, 4, ["kmem_cache.size"], [Slab];
            -, CacheRedLeft, 4, ["kmem_cache.red_left_pad"];
            cache_object_size, CacheObjectSize, 4, ["kmem_cache.object_size"], [Slab];
            -, CacheOrder, 4, ["kmem_cache.oo.x"];
            -, CacheOffset, 4, ["kmem_cache.offset"];
            -, CacheRandom, 8, ["kmem_cache.random"];
            -, CacheCpuSlab, 8, ["kmem_cache.cpu_slab"];
            -, CacheCpuSheaves, 8, ["kmem_cache.cpu_sheaves"];
            -, CachePerNode, 0, ["kmem_cache.per_node"];
            -, PerNodeBarn, 8, ["kmem_cache_per_node_ptrs.barn"];
            -, PerNodeNode, 8, ["kmem_cache_per_node_ptrs.node"];
            -, CacheNodes, 0, ["kmem_cache.node"];
            -, CacheMemcgParams, 0, ["kmem_cache.memcg_params"];
            -, NodeBarn, 8, ["kmem_cache_node.barn"];
            -, CpuSlabFreelist, 8, ["kmem_cache_cpu.freelist"];
            -, CpuSlabSlab, 8, ["kmem_cache_cpu.slab", "kmem_cache_cpu.page"];
            -, SheavesMain, 8, ["slub_percpu_sheaves.main"];
            -, SheavesSpare, 8, ["slub_percpu_sheaves.spare"];
            -, SheafBarnList, 16, ["slab_sheaf.barn_list"];
            -, SheafSize, 4, ["slab_sheaf.size"];
            -, SheafObjects, 0, ["slab_sheaf.objects"];
            -, BarnFull, 16, ["node_barn.sheaves_full"];
            objcg_memcg, ObjcgMemcg, 8, ["obj_cgroup.memcg"], [Slab];
            -, ObjcgIsRoot, 0, ["obj_cgroup.is_root"];
            -, MemcgObjcg, 8, ["mem_cgroup.objcg"];
            -, NodeObjcg, 8, ["mem_cgroup_per_node.objcg"];
            -, ExtObjcg, 0, ["slabobj_ext._objcg", "slabobj_ext.objcg"];
            -, ExtTags, 0, ["slabobj_ext._ctref"];
            // pages in swap
            -, MemcgId, 4, ["mem_cgroup.id.id"];
            -, ShmemSwaplist, 16, ["shmem_inode_info.swaplist"];
            -, ShmemSwapped, 8, ["shmem_inode_info.swapped"];
            -, ShmemInode, 0, ["shmem_inode_info.vfs_inode"];
            -, MappingPages, 0, ["address_space.i_pages"];
            -, SwapClusters, 8, ["swap_info_struct.cluster_info"];
            -, ClusterMemcgs, 8, ["swap_cluster_info.memcg_table"];
            -, SlotsFreed, 8, ["swap_slots_cache.slots_ret"];
            -, SlotsNrFreed, 4, ["swap_slots_cache.n_ret"];
            -, MmRssCounts, 0, ["mm_struct.rss_stat.count"];
            -, MmRssStat, 0, ["mm_struct.rss_stat"];
            -, PercpuCounterCount, 8, ["percpu_counter.count"];
            -, PercpuCounterCpus, 8, ["percpu_counter.counters"];
            -, SwapTableIds, 0, ["swap_memcg_table.id"];
            -, SwapIds, 0, ["swap_cgroup.ids"];
            -, SwapId, 2, ["swap_cgroup.id"];
            // memory of processes
            -, VmaInTree, 24, ["vm_area_struct.shared.rb"];
            -, VmaMm, 8, ["vm_area_struct.vm_mm"];
            -, RbRight, 8, ["rb_node.rb_right"];
            -, RbLeft, 8, ["rb_node.rb_left"];
            -, AnonVmaTree, 8, ["anon_vma.rb_root.rb_root.rb_node"];
            -, AnonVmaRoot, 8, ["anon_vma.root"];
            -, ChainInTree, 24, ["anon_vma_chain.rb"];
            -, ChainVma, 8, ["anon_vma_chain.vma"];
            -, VmaFile, 8, ["vm_area_struct.vm_file"];
            -, VmaStart, 8, ["vm_area_struct.vm_start"];
            -, VmaEnd, 8, ["vm_area_struct.vm_end"];
            -, VmaPgoff, 8, ["vm_area_struct.vm_pgoff"];
            -, MmExeFile, 8, ["mm_struct.exe_file"];
            -, MmOwner, 8, ["mm_struct.owner"];
            -, MmLruGenList, 16, ["mm_struct.lru_gen.list"];
            -, MmLruGenMemcg, 8, ["mm_struct.lru_gen.memcg"];
        }
    };
}
