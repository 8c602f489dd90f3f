//! State files of Docker: `containers/ID/config.v2.json` below its root.

use std::path::Path;

use serde::Deserialize;

use super::found::{self, Finder};
use super::kubernetes::{self, Labels};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Container {
    /// With a slash before it.
    name: String,
    config: Config,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    labels: Option<Labels>,
}

/// What an administrator set.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Daemon {
    data_root: Option<String>,
}

const ROOT: &str = "var/lib/docker";

/// Reads the names of the containers of the host's Docker.
pub(super) fn find(finder: &Finder<'_>) {
    let daemon = finder.json::<Daemon>(&finder.at("etc/docker/daemon.json"));
    let root = daemon.and_then(|daemon| daemon.data_root);
    let root = root
        .as_deref()
        .map_or(ROOT, |root| root.trim_start_matches('/'));
    below(finder, &finder.at(root));
}

/// Reads the names of the containers below a root of Docker.
pub(super) fn below(finder: &Finder<'_>, root: &Path) {
    finder.each(&root.join("containers"), |id, folder| {
        let Some(container) = finder.json::<Container>(&folder.join("config.v2.json")) else {
            return;
        };
        let name = container.name.trim_start_matches('/');
        let labels = container.config.labels.unwrap_or_default();
        let of_kubernetes = kubernetes::of_labels(&labels).or_else(|| kubernetes::of_name(name));
        match of_kubernetes {
            Some((name, pod)) => finder.container(id, name, Some(pod)),
            None => finder.container(id, found::name(name), None),
        }
    });
}
