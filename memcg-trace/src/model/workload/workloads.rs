//! All that is known of what a memory cgroup belongs to.

use super::container::{self, Container};
use super::pod::{self, Pod};
use super::unit;
use crate::sample::Text;

/// What a memory cgroup belongs to. What nothing tells is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// The lowest unit of systemd in the path; below a container it is one of the systemd there.
    pub unit: Option<Text>,
    /// The lowest container in the path.
    pub container: Option<Container>,
    /// The pod that the container is in, or that the cgroup is of.
    pub pod: Option<Pod>,
}

impl Workload {
    /// Reads a path from the root of the hierarchy.
    #[must_use]
    pub fn of_path(path: &Text) -> Self {
        let names = path.as_bytes().rsplit(|byte| *byte == b'/');
        let names: Vec<&[u8]> = names.filter(|name| !name.is_empty()).collect();
        let container = (0..names.len()).find_map(|at| {
            let found = container::container(names[at], &names[at + 1..]);
            found.map(|container| (at, container))
        });
        // A pod below the container is one of another kubelet, in the container.
        let from = container.as_ref().map_or(0, |(at, _)| *at);
        let pods = names[from..].iter();
        let mut parts = pods.flat_map(|name| name.split(|byte| *byte == b':'));
        let unit = names.iter().find_map(|name| unit::unit(name));
        Self {
            unit: unit.map(Text::from),
            pod: parts.find_map(pod::uid).map(Pod::of_id),
            container: container.map(|(_, container)| container),
        }
    }

    /// Returns container and pod in a few words, fit for a terminal, such as `docker web` or `cri-o
    /// nginx in pod default/web`; `None` if it is in none. The unit stands in the path.
    #[must_use]
    pub fn label(&self) -> Option<String> {
        match (&self.container, &self.pod) {
            (Some(container), Some(pod)) => {
                Some(format!("{} in pod {}", container.label(), pod.label()))
            }
            (Some(container), None) => Some(container.label()),
            (None, Some(pod)) => Some(format!("pod {}", pod.label())),
            (None, None) => None,
        }
    }
}
