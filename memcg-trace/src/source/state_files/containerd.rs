//! State files of containerd: the description of each task, `NAMESPACE/ID/config.json`.

use super::found::{self, Finder};
use super::kubernetes::{self, SANDBOX, label};
use super::oci::Spec;

/// Where the tasks are: of the host's containerd, and of those that come with a Kubernetes.
const TASKS: [&str; 3] = [
    "run/containerd/io.containerd.runtime.v2.task",
    "run/k3s/containerd/io.containerd.runtime.v2.task",
    "var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task",
];

/// The namespace of Docker, which has files of its own with the names.
const DOCKER: &[u8] = b"moby";

/// Reads the names of the containers of each containerd.
pub(super) fn find(finder: &Finder<'_>) {
    for tasks in TASKS {
        finder.each(&finder.at(tasks), |namespace, folder| {
            if namespace != DOCKER {
                finder.each(folder, |id, folder| {
                    if let Some(spec) = finder.json::<Spec>(&folder.join("config.json")) {
                        tell(finder, id, &spec);
                    }
                });
            }
        });
    }
}

fn tell(finder: &Finder<'_>, id: &[u8], spec: &Spec) {
    let annotations = &spec.annotations;
    match kubernetes::of_labels(annotations) {
        Some((name, pod)) => {
            let kind = label(annotations, "io.kubernetes.cri.container-type");
            let sandbox = (kind == Some("sandbox")).then_some(SANDBOX);
            let name = name.or_else(|| found::name(sandbox?));
            finder.container(id, name, Some(pod));
        }
        None => {
            let name = label(annotations, "nerdctl/name");
            finder.container(id, name.and_then(found::name), None);
        }
    }
}
