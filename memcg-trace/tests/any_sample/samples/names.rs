//! Names of containers and pods.

use memcg_trace::sample::Text;
use memcg_trace::sample::state_files::{NamedContainer, NamedPod, StateFiles};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::name;

fn pod() -> impl Strategy<Value = NamedPod> {
    let pod = |(uid, name, namespace)| NamedPod {
        uid,
        name,
        namespace,
    };
    (name(), name(), name()).prop_map(pod)
}

pub fn state_files() -> impl Strategy<Value = StateFiles> {
    let container = (name(), of(name()), of(pod()));
    let container = container.prop_map(|(id, name, pod)| NamedContainer { id, name, pod });
    let not_read = name().prop_map(|text: Text| text.display().into_owned());
    (vec(container, 0..3), vec(pod(), 0..3), vec(not_read, 0..2)).prop_map(
        |(containers, pods, not_read)| StateFiles {
            containers,
            pods,
            not_read,
            ..StateFiles::default()
        },
    )
}
