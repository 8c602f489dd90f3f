//! Causes of reclaim: its kind, and the function that began it.

use memcg_trace_common::reclaim::kind;

use crate::kernel::host::symbols::{Names, Symbols};
use crate::sample::reclaim::Cause;

/// The callers of `try_to_free_mem_cgroup_pages()`, by all names that they have had
/// (mm/memcontrol.c, mm/memcontrol-v1.c, mm/vmscan.c). The compiler may inline one into the other.
const CALLERS: &[(&str, Cause)] = &[
    ("reclaim_high", Cause::High),
    ("mem_cgroup_handle_over_high", Cause::High),
    ("__mem_cgroup_handle_over_high", Cause::High),
    ("high_work_func", Cause::High),
    ("memory_high_write", Cause::High),
    ("try_charge", Cause::Max),
    ("try_charge_memcg", Cause::Max),
    ("charge_memcg", Cause::Max),
    ("memory_max_write", Cause::Max),
    ("mem_cgroup_resize_max", Cause::Max),
    ("mem_cgroup_write", Cause::Max),
    ("memory_reclaim", Cause::Proactive),
    ("user_proactive_reclaim", Cause::Proactive),
    ("mem_cgroup_force_empty", Cause::Proactive),
    ("mem_cgroup_force_empty_write", Cause::Proactive),
];

/// Names of callers; each is looked up once.
#[derive(Default)]
pub(crate) struct Causes {
    names: Names,
}

impl Causes {
    /// Looks up the callers that are not known yet; 0 stands for no caller.
    pub(crate) fn learn(&mut self, callers: impl Iterator<Item = u64>, symbols: &Symbols) {
        let callers = callers.filter(|caller| *caller != 0);
        self.names.learn(callers, symbols);
    }

    /// The cause that a key of the kernel side stands for.
    pub(crate) fn of(&self, kind: u32, caller: u64) -> Cause {
        match kind {
            kind::KSWAPD => Cause::Kswapd,
            kind::DIRECT => Cause::Direct,
            kind::DROP_CACHES => Cause::DropCaches,
            kind::MEMCG | kind::THROTTLE => self.names.get(caller).map_or(Cause::Unknown, cause),
            _ => Cause::Unknown,
        }
    }
}

/// The cause for a call site, which is a name and an offset: `try_charge_memcg+0x1f0`.
fn cause(place: &str) -> Cause {
    let name = place.split(['+', '.']).next().unwrap_or_default();
    let known = CALLERS.iter().find(|(function, _)| *function == name);
    known.map_or(Cause::Unknown, |(_, cause)| *cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_known_by_any_name() {
        assert_eq!(cause("reclaim_high.constprop.0+0x5b"), Cause::High);
        assert_eq!(cause("try_charge_memcg+0x1f0"), Cause::Max);
        assert_eq!(cause("user_proactive_reclaim+0x2a"), Cause::Proactive);
        assert_eq!(cause("try_charge_other+0x1"), Cause::Unknown);
    }
}
