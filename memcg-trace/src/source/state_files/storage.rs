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
    for one in list.iter().flatten() {
        let name = one.names.iter().flatten().next().map(String::as_str);
        match name.and_then(kubernetes::of_name) {
            Some((name, pod)) => {
                of_pods.insert(one.id.as_bytes());
                finder.container(one.id.as_bytes(), name, Some(pod));
            }
            None => finder.container(one.id.as_bytes(), name.and_then(found::name), None),
        }
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
