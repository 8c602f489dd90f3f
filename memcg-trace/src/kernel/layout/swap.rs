//! The place of the owners of pages in swap. It has moved over time, and is a static variable
//! everywhere.

use super::fields::{Field, Fields};
use crate::kernel::host::btf::Btf;

/// `SWP_TYPE_SHIFT`: a place in swap has the number of a swap area above this many bits, and the
/// place within the area below (include/linux/swapops.h).
pub const AREA_SHIFT: u32 = 58;

/// The table with the memcg id of each place in swap: two bytes each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SwapOwners {
    /// For each area, an array of pages that are full of ids (`swap_cgroup_ctrl[].map`).
    Pages {
        /// Bytes of the struct of one area.
        area_bytes: u64,
    },
    /// For each area, an array of ids (6.14: `struct swap_cgroup.ids`).
    Array {
        /// Bytes of the struct of one area.
        area_bytes: u64,
    },
    /// For each cluster of an area, an array of ids (7.2: `swap_cluster_info.memcg_table`).
    Clusters {
        /// Bytes of the struct of one cluster.
        cluster_bytes: u64,
        /// Places in one cluster.
        places: u64,
    },
    /// None of these.
    #[default]
    Unknown,
}

impl SwapOwners {
    pub(super) fn resolve(btf: &Btf, fields: &Fields) -> Self {
        let bytes = |name| btf.struct_bytes(name).map(u64::from);
        if fields.has(Field::ClusterMemcgs) {
            let ids = fields.place(Field::SwapTableIds).map(|ids| ids.bytes / 2);
            return match (bytes("swap_cluster_info"), ids) {
                (Some(cluster_bytes), Ok(places)) if places > 0 => Self::Clusters {
                    cluster_bytes,
                    places,
                },
                _ => Self::Unknown,
            };
        }
        match bytes("swap_cgroup_ctrl") {
            Some(area_bytes) if fields.has(Field::SwapIds) => Self::Array { area_bytes },
            Some(area_bytes) if fields.has(Field::SwapId) => Self::Pages { area_bytes },
            _ => Self::Unknown,
        }
    }
}
