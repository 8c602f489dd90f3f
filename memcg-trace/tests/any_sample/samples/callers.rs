//! Call sites that have objects of a cache.

use memcg_trace::sample::callers::{CallSite, CallerStack, Callers};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::{figure, name};

prop_compose! {
    pub fn callers()(
        cache in name(),
        size_bytes in 0_u32..300,
        sites in vec((of(Just("f+0x1".to_owned()).boxed()), figure(), figure()), 0..4),
        as_of_ns in figure(),
    ) -> Callers {
        let site = |(call_site, alloc_total, free_total): (Option<String>, u64, u64)| CallSite {
            call_site, alloc_total, free_total, untracked_total: free_total,
            unseen_free_total: free_total,
            stacks: vec![CallerStack { alloc_total, free_total, ..CallerStack::default() }],
        };
        Callers {
            as_of_ns, since_ns: as_of_ns, cache, size_bytes,
            sites: sites.into_iter().map(site).collect(),
            ..Callers::default()
        }
    }
}
