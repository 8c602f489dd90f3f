//! The identity of a memory cgroup: its serial number, its directory, and its name.

use core::mem::offset_of;

use aya_ebpf::helpers::bpf_probe_read_kernel_str_bytes;
use memcg_trace_common::layout::Layout;

use crate::layout::constants::{AT_BASE, constant, has_cast, load};
use crate::layout::read::{LAYOUT, has, pointer};

/// `css.serial_nr` of the memcg that a task belongs to; 0 if unknown.
#[inline(always)]
pub fn serial_nr_of_task(task: u64) -> u64 {
    let has_all =
        has(&LAYOUT.task_cgroups) && has(&LAYOUT.css_set_memory) && has(&LAYOUT.css_serial_nr);
    if has_cast() && has_all {
        // The struct that a cast makes of the address is too short for a field of a task.
        let follow = |base: u64, offset: u64| load::<AT_BASE>(base.wrapping_add(offset));
        let set = follow(task, constant::<{ offset_of!(Layout, task_cgroups) }>());
        let css = follow(set, constant::<{ offset_of!(Layout, css_set_memory) }>());
        return follow(css, constant::<{ offset_of!(Layout, css_serial_nr) }>());
    }
    pointer(memcg_of_task(task), &LAYOUT.css_serial_nr)
}

/// The memcg of a task.
#[inline(always)]
pub fn memcg_of_task(task: u64) -> u64 {
    let set = pointer(task, &LAYOUT.task_cgroups);
    pointer(set, &LAYOUT.css_set_memory)
}

/// The cgroup's directory.
#[inline(always)]
pub fn kernfs_node(css: u64) -> u64 {
    pointer(pointer(css, &LAYOUT.css_cgroup), &LAYOUT.cgroup_kn)
}

/// Reads a cgroup's name, and returns its length.
#[inline(always)]
pub fn read_name(node: u64, name: &mut [u8]) -> u32 {
    let address = pointer(node, &LAYOUT.kernfs_name);
    // SAFETY: the helper reads safely at any address.
    unsafe { bpf_probe_read_kernel_str_bytes(address as *const u8, name) }
        .map_or(0, |name| name.len() as u32)
}
