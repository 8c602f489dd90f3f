//! The crates whose code is in the binary, on both sides of the kernel boundary.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{child, places};

/// A crate of a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    pub name: String,
    pub version: String,
    /// An expression of SPDX.
    pub licence: String,
    /// The folder of its sources.
    pub folder: PathBuf,
    /// SHA-256 of its archive; those of this repository have none.
    pub checksum: Option<String>,
    /// Names and versions of the crates that it needs.
    pub needs: BTreeSet<(String, String)>,
}

impl Crate {
    pub fn is_ours(&self) -> bool {
        self.checksum.is_none()
    }
}

/// All crates in the binary, memcg-trace itself among them.
pub fn in_binary() -> Result<Vec<Crate>> {
    let root = places::repository()?;
    let mut all = BTreeSet::new();
    for (manifest, package, target) in [
        ("memcg-trace/Cargo.toml", "memcg-trace", places::TARGET),
        (
            "memcg-trace-ebpf/Cargo.toml",
            "memcg-trace-ebpf",
            "bpfel-unknown-none",
        ),
    ] {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&root);
        cargo.args(["metadata", "--format-version=1", "--locked"]);
        cargo.args(["--filter-platform", target, "--manifest-path", manifest]);
        let metadata: Value = serde_json::from_str(&child::read(&mut cargo)?)?;
        let workspace = metadata["workspace_root"].as_str();
        let lock = PathBuf::from(workspace.context("no workspace")?).join("Cargo.lock");
        let lock = fs::read_to_string(&lock).with_context(|| format!("read {}", lock.display()))?;
        let found = reachable(&metadata, &checksums(&lock), package);
        all.extend(found.with_context(|| format!("understand {}", child::line(&cargo)))?);
    }
    Ok(all.into_iter().collect())
}

/// Checksums of a `Cargo.lock`, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let packages = lock.split("[[package]]").skip(1);
    let checksums = packages.filter_map(|package| {
        let field = |name: &str| {
            let of = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(" = ")?.to_owned());
            let value = package.lines().find_map(of)?;
            Some(value.trim_matches('"').to_owned())
        };
        Some(((field("name")?, field("version")?), field("checksum")?))
    });
    checksums.collect()
}

/// The crates that end up in the program of a package: not those that only build it.
fn reachable(
    metadata: &Value,
    checksums: &BTreeMap<(String, String), String>,
    package: &str,
) -> Option<Vec<Crate>> {
    let by_id = |list: &'static str, of: &Value| -> Option<BTreeMap<String, Value>> {
        let list = of[list].as_array()?.iter();
        list.map(|one| Some((one["id"].as_str()?.to_owned(), one.clone())))
            .collect()
    };
    let packages = by_id("packages", metadata)?;
    let nodes = by_id("nodes", &metadata["resolve"])?;
    let is_start = |one: &&Value| one["name"] == package;
    let start = packages.values().find(is_start)?["id"].as_str()?.to_owned();
    let (mut left, mut seen, mut crates) = (vec![start.clone()], BTreeSet::from([start]), vec![]);
    while let Some(id) = left.pop() {
        let mut needs = BTreeSet::new();
        for needed in nodes.get(&id)?["deps"].as_array()? {
            let other = needed["pkg"].as_str()?;
            let is_linked = needed["dep_kinds"].as_array()?.iter();
            let is_linked = is_linked.clone().any(|kind| kind["kind"].is_null());
            if !is_linked || is_macro(packages.get(other)?) {
                continue;
            }
            needs.insert(name_and_version(packages.get(other)?)?);
            if seen.insert(other.to_owned()) {
                left.push(other.to_owned());
            }
        }
        let package = packages.get(&id)?;
        let (name, version) = name_and_version(package)?;
        let manifest = PathBuf::from(package["manifest_path"].as_str()?);
        crates.push(Crate {
            licence: package["license"]
                .as_str()
                .unwrap_or("NOASSERTION")
                .replace('/', " OR "),
            folder: manifest.parent()?.to_owned(),
            checksum: checksums.get(&(name.clone(), version.clone())).cloned(),
            name,
            version,
            needs,
        });
    }
    Some(crates)
}

/// A macro runs in the compiler.
fn is_macro(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    let kinds = targets.flat_map(|target| target["kind"].as_array().into_iter().flatten());
    kinds.into_iter().any(|kind| kind == "proc-macro")
}

fn name_and_version(package: &Value) -> Option<(String, String)> {
    let text = |key: &str| Some(package[key].as_str()?.to_owned());
    Some((text("name")?, text("version")?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_only_builds_it_is_not_in_it() {
        let package = |name: &str, kind: &str| {
            json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0",
                "manifest_path": format!("/src/{name}/Cargo.toml"), "targets": [{"kind": [kind]}]})
        };
        let need = |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [package("tool", "bin"), package("linked", "lib"), package("deep", "lib"),
                package("derive", "proc-macro"), package("syn", "lib"), package("cc", "lib"),
                package("insta", "lib")],
            "resolve": {"nodes": [
                {"id": "tool", "deps": [need("linked", Value::Null), need("derive", Value::Null),
                    need("cc", json!("build")), need("insta", json!("dev"))]},
                {"id": "linked", "deps": [need("deep", Value::Null)]},
                {"id": "deep", "deps": []}, {"id": "syn", "deps": []},
                {"id": "derive", "deps": [need("syn", Value::Null)]},
            ]},
        });
        let lock = "version = 4\n\n[[package]]\nname = \"deep\"\nversion = \"1.0.0\"\n\
                    checksum = \"ab\"\n";
        let mut found = reachable(&metadata, &checksums(lock), "tool").unwrap();
        found.sort();
        let names: Vec<_> = found
            .iter()
            .map(|one| (one.name.as_str(), one.is_ours()))
            .collect();
        assert_eq!(names, [("deep", false), ("linked", true), ("tool", true)]);
        assert_eq!(found[0].licence, "MIT OR Apache-2.0");
        assert_eq!(found[2].needs.len(), 1);
    }
}
