//! The kernel memory of a memory cgroup itself, from the sizes of its structs.

use crate::kernel::host::btf::Btf;

/// The multiplicity of an allocation.
#[derive(Clone, Copy)]
enum Per {
    Memcg,
    Node,
    Cpu,
    NodeAndCpu,
}

/// An allocation of a memcg, on kernels that have its member.
struct Part {
    member: &'static str,
    /// Bits of its type. Only pointers are counted: an embedded struct is part of another
    /// allocation.
    bits: u32,
    of: &'static str,
    per: Per,
}

const fn part(member: &'static str, of: &'static str, per: Per) -> Part {
    Part {
        member,
        bits: 64,
        of,
        per,
    }
}

/// Allocations of a memcg (mm/memcontrol.c: mem_cgroup_alloc(), alloc_mem_cgroup_per_node_info();
/// kernel/cgroup/rstat.c: css_rstat_init()).
#[rustfmt::skip]
const PARTS: &[Part] = &[
    part("cgroup_subsys_state.cgroup", "mem_cgroup", Per::Memcg),
    part("cgroup_subsys_state.cgroup", "cgroup", Per::Memcg),
    part("cgroup_subsys_state.refcnt.data", "percpu_ref_data", Per::Memcg),
    part("mem_cgroup.vmstats", "memcg_vmstats", Per::Memcg),
    part("mem_cgroup.vmstats_percpu", "memcg_vmstats_percpu", Per::Cpu),
    part("mem_cgroup.vmstats_local", "memcg_vmstats_percpu", Per::Cpu),
    part("cgroup_subsys_state.cgroup", "mem_cgroup_per_node", Per::Node),
    part("mem_cgroup_per_node.lruvec_stats", "lruvec_stats", Per::Node),
    part("mem_cgroup_per_node.lruvec_stats_percpu", "lruvec_stats_percpu", Per::NodeAndCpu),
    part("mem_cgroup_per_node.lruvec_stat_local", "lruvec_stat", Per::NodeAndCpu),
    part("mem_cgroup_per_node.lruvec_stat_cpu", "lruvec_stat", Per::NodeAndCpu),
    part("cgroup.rstat_cpu", "cgroup_rstat_cpu", Per::Cpu),
    part("cgroup.rstat_base_cpu", "cgroup_rstat_base_cpu", Per::Cpu),
    // One of the memory controller, one of the cgroup itself.
    part("cgroup_subsys_state.rstat_cpu", "css_rstat_cpu", Per::Cpu),
    part("cgroup_subsys_state.rstat_cpu", "css_rstat_cpu", Per::Cpu),
];

/// Bytes, by their multiplicity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    memcg: u64,
    node: u64,
    cpu: u64,
    node_and_cpu: u64,
    /// Bits for each possible memcg-aware shrinker: a deferred count, and a bit in the map.
    shrinker_bits: u64,
}

impl Cost {
    pub(super) fn resolve(btf: &Btf) -> Self {
        let mut cost = Self {
            // Counts moved from the shrinker to the memcg in 5.13 (struct shrinker_info).
            shrinker_bits: if btf.has_struct("shrinker_info") {
                65
            } else {
                1
            },
            ..Self::default()
        };
        for part in PARTS {
            let Some(bytes) = btf.struct_bytes(part.of) else {
                continue;
            };
            if btf
                .member(part.member)
                .is_none_or(|member| member.bits != part.bits)
            {
                continue;
            }
            let sum = match part.per {
                Per::Memcg => &mut cost.memcg,
                Per::Node => &mut cost.node,
                Per::Cpu => &mut cost.cpu,
                Per::NodeAndCpu => &mut cost.node_and_cpu,
            };
            *sum += u64::from(bytes);
        }
        cost
    }

    /// Bytes of one memcg on a host with so many nodes, possible CPUs and memcg-aware shrinkers.
    #[must_use]
    pub fn bytes(&self, nodes: u64, cpus: u64, shrinkers: u64) -> u64 {
        self.memcg
            + nodes * (self.node + (shrinkers * self.shrinker_bits).div_ceil(8))
            + cpus * self.cpu
            + nodes * cpus * self.node_and_cpu
    }
}
