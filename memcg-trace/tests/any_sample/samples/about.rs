//! What a sample says of the host, and of itself.

use memcg_trace::sample::host_facts::{HostFacts, Setting};
use memcg_trace::sample::{Absent, Loss, Sample};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::names::state_files;
use super::{figure, name};

prop_compose! {
    /// A sample of nothing but these.
    pub fn about()(
        host in of(name().boxed()),
        state_files in of(state_files().boxed()),
        lost in vec(of(figure()), 0..3).boxed(),
        absent in of(prop_oneof![Just("memcg"), Just("slab"), Just("shrinker"), Just("lock"),
            Just("tax"), Just("reclaim"), Just("pins"), Just("waits"), Just("slab_walk"),
            Just("slab_inside")].boxed()),
    ) -> Sample {
        let loss = |lost_total| Loss { place: "x".to_owned(), lost_total };
        let absent = absent.map(|section| Absent {
            section: section.to_owned(),
            reason: "y".to_owned(),
        });
        let host_facts = host.map(|text| HostFacts {
            settings: vec![Setting { name: "kernel.core_pattern".to_owned(), value: text.clone() }],
            cmdline: Some(text), taint: Some(u64::MAX), ..HostFacts::default()
        });
        Sample {
            host_facts,
            state_files,
            losses: lost.into_iter().map(loss).collect(),
            absent: absent.into_iter().collect(),
            ..Sample::default()
        }
    }
}
