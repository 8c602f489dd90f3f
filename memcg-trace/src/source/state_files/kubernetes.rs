//! Names that the kubelet gives: in labels, in names of containers and of folders of logs.

use std::collections::HashMap;
use std::str;

use super::found::{self, Finder, Found};
use crate::sample::Text;
use crate::sample::state_files::NamedPod;

/// Labels or annotations of a container.
pub(super) type Labels = HashMap<String, serde_json::Value>;

/// The keys of container, pod, namespace and uid: those of the kubelet, and of containerd.
const KEYS: [[&str; 4]; 2] = [
    [
        "io.kubernetes.container.name",
        "io.kubernetes.pod.name",
        "io.kubernetes.pod.namespace",
        "io.kubernetes.pod.uid",
    ],
    [
        "io.kubernetes.cri.container-name",
        "io.kubernetes.cri.sandbox-name",
        "io.kubernetes.cri.sandbox-namespace",
        "io.kubernetes.cri.sandbox-uid",
    ],
];

/// The name that runtimes give to the container that keeps the namespaces of a pod.
pub(super) const SANDBOX: &str = "POD";

/// Returns the text of a label.
pub(super) fn label<'a>(labels: &'a Labels, key: &str) -> Option<&'a str> {
    labels.get(key)?.as_str()
}

/// Returns container and pod of labels; `None` if they are not of Kubernetes.
pub(super) fn of_labels(labels: &Labels) -> Option<(Option<Text>, NamedPod)> {
    KEYS.iter().find_map(|keys| {
        let [container, pod, namespace, uid] = keys.map(|key| label(labels, key));
        let pod = found::pod(uid, pod, namespace)?;
        Some((container.and_then(found::name), pod))
    })
}

/// Returns container and pod of a name that the kubelet made: `k8s_CONTAINER_POD_NAMESPACE_UID_N`
/// (kubelet's dockershim and CRI-O: names of Kubernetes have no `_`).
pub(super) fn of_name(name: &str) -> Option<(Option<Text>, NamedPod)> {
    let mut parts = name.strip_prefix("k8s_")?.split('_');
    let mut next = || parts.next();
    let (container, pod, namespace, uid) = (next()?, next()?, next()?, next()?);
    let pod = found::pod(Some(uid), Some(pod), Some(namespace))?;
    Some((found::name(container), pod))
}

/// Reads names of folders and links of the kubelet's logs; their contents are not looked at.
pub(super) fn find(finder: &Finder<'_>) {
    // NAMESPACE_POD_UID
    finder.each(&finder.at("var/log/pods"), |name, _| {
        let parts = str::from_utf8(name).ok().map(|name| name.split('_'));
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        if let [namespace, pod, uid] = parts[..]
            && let Some(pod) = found::pod(Some(uid), Some(pod), Some(namespace))
        {
            (finder.tell)(Found::Pod(pod));
        }
    });
    // POD_NAMESPACE_CONTAINER-ID.log
    finder.each(&finder.at("var/log/containers"), |name, _| {
        let name = str::from_utf8(name).ok();
        let parts = name.and_then(|name| name.strip_suffix(".log")?.rsplit_once('-'));
        let Some((names, id)) = parts else { return };
        let names: Vec<&str> = names.split('_').collect();
        if let [pod, namespace, container] = names[..] {
            let pod = found::pod(None, Some(pod), Some(namespace));
            finder.container(id.as_bytes(), found::name(container), pod);
        }
    });
}
