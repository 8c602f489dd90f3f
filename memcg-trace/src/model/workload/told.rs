//! Names that state files told, which no path has.

use std::collections::HashMap;
use std::sync::Arc;

use super::pod::Pod;
use super::workloads::Workload;
use crate::sample::Text;
use crate::sample::state_files::{NamedPod, StateFiles};

/// What state files told of one memory cgroup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The name of its container.
    pub container: Option<Text>,
    /// Its pod.
    pub pod: Option<NamedPod>,
}

impl Told {
    /// Adds the names to what a path tells.
    #[must_use]
    pub fn added_to(&self, mut workload: Workload) -> Workload {
        if let (Some(container), Some(name)) = (&mut workload.container, &self.container) {
            container.name = Some(name.clone());
        }
        if let Some(known) = &self.pod {
            let new = || Pod::of_id(known.uid.clone());
            let pod = workload.pod.get_or_insert_with(new);
            pod.name = Some(known.name.clone());
            pod.namespace = Some(known.namespace.clone());
        }
        workload
    }
}

/// The names of the last state files, by id. A memory cgroup keeps what it was told when its
/// container is gone from there.
#[derive(Debug, Default)]
pub(in crate::model) struct ToldNames {
    containers: HashMap<Text, Told>,
    pods: HashMap<Text, NamedPod>,
}

impl ToldNames {
    /// Takes in the names of a sample.
    pub(in crate::model) fn read(&mut self, files: &StateFiles) {
        self.containers.clear();
        self.pods.clear();
        for pod in &files.pods {
            self.pods.insert(pod.uid.clone(), pod.clone());
        }
        for one in &files.containers {
            if let Some(pod) = one.pod.as_ref().filter(|pod| !pod.uid.is_empty()) {
                self.pods.insert(pod.uid.clone(), pod.clone());
            }
            // Two files may tell of the same container: each may know what the other does not.
            let told = self.containers.entry(one.id.clone()).or_default();
            told.container = one.name.clone().or(told.container.take());
            told.pod = one.pod.clone().or(told.pod.take());
        }
    }

    /// Returns what is known of a memory cgroup; `None` if that is nothing.
    pub(in crate::model) fn of(&self, path: &Text) -> Option<Arc<Told>> {
        if self.containers.is_empty() && self.pods.is_empty() {
            return None;
        }
        let workload = Workload::of_path(path);
        let container = workload.container.as_ref();
        let of_container = container.and_then(|container| self.containers.get(&container.id));
        let of_pod = workload.pod.as_ref().and_then(|pod| self.pods.get(&pod.id));
        let told = Told {
            container: of_container.and_then(|told| told.container.clone()),
            pod: of_container
                .and_then(|told| told.pod.clone())
                .or_else(|| of_pod.cloned()),
        };
        (told != Told::default()).then(|| Arc::new(told))
    }
}
