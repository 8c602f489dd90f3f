//! State files of CRI-O and podman: `DRIVER-containers` below the root of containers/storage.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::found::{self, Finder};
use super::kubernetes;
use super::oci::Spec;

/// Folders of containers, by the driver of their layers.
const FOLDERS: [&str; 4] = [
    "overlay-containers",
    "vfs-containers",
    "btrfs-containers",
    "zfs-containers",
];
/// The list has all containers.
const MAX_LIST_BYTES: u64 = 16 << 20;
/// The roots of the host's own: what stays, and what a boot leaves behind.
const ROOTS: [&str; 2] = ["var/lib/containers/storage", "run/containers/storage"];

/// The reason why podman's own pods have no name: no file but its database has it (db.sql, and
/// until podman 4 bolt_state.db).
const PODS_OF_PODMAN: &str = "the names of podman's pods are in its database, which is not read";

/// A row of the list.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Listed {
    id: String,
    names: Option<Vec<String>>,
}

/// Reads the names of the containers of the host's CRI-O and podman.
pub(super) fn find(finder: &Finder<'_>) {
    for root in ROOTS {
        below(finder, &finder.at(root));
    }
}

/// Reads the names of the containers below a root.
pub(super) fn below(finder: &Finder<'_>, root: &Path) {
    for folder in FOLDERS {
        of_driver(finder, &root.join(folder));
    }
}

fn of_driver(finder: &Finder<'_>, folder: &Path) {
    let list = folder.join("containers.json");
    let list = finder.json_within::<Vec<Listed>>(&list, MAX_LIST_BYTES);
    let mut of_pods = HashSet::new();
    let mut has_pods_of_podman = false;
    for one in list.iter().flatten() {
        let name = one.names.iter().flatten().next().map(String::as_str);
        has_pods_of_podman |= name.is_some_and(is_of_a_pod_of_podman);
        match name.and_then(kubernetes::of_name) {
            Some((name, pod)) => {
                of_pods.insert(one.id.as_bytes());
                finder.container(one.id.as_bytes(), name, Some(pod));
            }
            None => finder.container(one.id.as_bytes(), name.and_then(found::name), None),
        }
    }
    if has_pods_of_podman {
        finder.not_read(folder, PODS_OF_PODMAN);
    }
    // The description has the pod in any case.
    finder.each(folder, |id, folder| {
        if of_pods.contains(id) {
            return;
        }
        let description = folder.join("userdata/config.json");
        let spec = finder.json::<Spec>(&description).unwrap_or_default();
        if let Some((name, pod)) = kubernetes::of_labels(&spec.annotations) {
            finder.container(id, name, Some(pod));
        }
    });
}

/// Returns whether a container is the one that podman adds to a pod, unless it got another name: it
/// is called after the first twelve digits of the pod's id (libpod: `makeInfraContainer`).
fn is_of_a_pod_of_podman(name: &str) -> bool {
    let digits = name.strip_suffix("-infra").unwrap_or_default();
    digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}
