//! Fetching guest kernels into the cache.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::debian::index::{self, Package};
use crate::debian::sources::{self, Source};
use crate::debian::{archive, deb};
use crate::kernel::Series;

/// What a guest needs of a kernel package, in any of the places where packages have it.
const PATTERNS: &[&str] = &["./boot/vmlinuz-*", "./lib/modules/*", "./usr/lib/modules/*"];

/// Fetches each series; the error of one does not keep the others from being fetched.
pub fn fetch(wanted: &[&'static Series]) -> Result<Vec<(&'static Series, anyhow::Error)>> {
    let sources = sources::read()?;
    let mut indexes = BTreeMap::new();
    let mut failures = Vec::new();
    for series in wanted {
        if let Err(error) = fetch_one(series, &sources, &mut indexes) {
            failures.push((*series, error));
        }
    }
    Ok(failures)
}

/// Indexes by suite: one is several megabytes, and serves more than one series.
type Indexes = BTreeMap<&'static str, (Source, String)>;

#[expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]
fn fetch_one(series: &'static Series, sources: &[Source], indexes: &mut Indexes) -> Result<()> {
    let folder = series.folder()?;
    let kernels = folder.parent().context("the cache has no folder")?;
    fs::create_dir_all(kernels).with_context(|| format!("create {}", kernels.display()))?;
    // Beside its place, so that it can be renamed there when it is whole.
    let scratch = tempfile::Builder::new()
        .prefix(".fetch-")
        .tempdir_in(kernels)?;
    let scratch = scratch.path();

    let mut unavailable = Vec::new();
    for suite in series.suites {
        if !indexes.contains_key(suite) {
            let archives = sources::archives_of(suite, sources);
            ensure!(
                !archives.is_empty(),
                "this machine's apt sources name no Debian mirror to fetch suite {suite} from"
            );
            eprintln!("setup: reading the package index of {suite}");
            match archive::index_of(suite, &archives, scratch) {
                Ok(index) => drop(indexes.insert(suite, index)),
                Err(error) => unavailable.push(format!("{error:#}")),
            }
        }
    }
    let Some((archive, packages)) = choose(series, indexes) else {
        let suites = series.suites.join(", ");
        anyhow::bail!(
            "not in {suites} of this machine's mirror {}",
            unavailable.join("; ")
        );
    };
    let root = scratch.join("root");
    fs::create_dir(&root)?;
    for package in &packages {
        eprintln!("setup: fetching {} {}", package.name, package.version);
        let path = archive::package(archive, package, scratch)?;
        deb::unpack(&path, PATTERNS, &root)?;
        fs::remove_file(path)?;
    }
    let ready = scratch.join("ready");
    arrange(&root, &ready, series.has_modules)?;
    let names = packages
        .iter()
        .map(|package| format!("{} {}\n", package.name, package.version));
    fs::write(ready.join("packages"), names.collect::<String>())?;
    fs::rename(&ready, &folder).with_context(|| format!("put it at {}", folder.display()))
}

/// The newest version over all suites of the series, with all its packages.
fn choose<'a>(series: &Series, indexes: &'a Indexes) -> Option<(&'a Source, Vec<Package>)> {
    let of_suite = |suite: &&'static str| {
        let (archive, index) = indexes.get(suite)?;
        let (first, others) = series.packages.split_first()?;
        let candidates = index::packages(index, *first, series.name);
        let newest = index::newest(&candidates)?.clone();
        let mut packages = vec![newest.clone()];
        for naming in others {
            let others = index::packages(index, *naming, series.name);
            let other = others
                .into_iter()
                .find(|other| other.version == newest.version)?;
            packages.push(other);
        }
        Some((archive, packages))
    };
    series
        .suites
        .iter()
        .filter_map(of_suite)
        .max_by(|(_, a), (_, b)| {
            let version = |packages: &[Package]| packages.first().map(|p| p.version.clone());
            let (a, b) = (
                version(a).unwrap_or_default(),
                version(b).unwrap_or_default(),
            );
            crate::debian::version::compare(&a, &b)
        })
}

/// Makes `vmlinuz` and `modules/` of what the packages have, wherever they have it.
fn arrange(root: &Path, ready: &Path, has_modules: bool) -> Result<()> {
    fs::create_dir(ready)?;
    let trees = ["lib/modules", "usr/lib/modules"].map(|tree| root.join(tree));
    let modules = trees.iter().find_map(|tree| only_entry(tree));
    let in_boot = only_entry(&root.join("boot"));
    let in_modules = || Some(modules.as_ref()?.join("vmlinuz"));
    let image = in_boot.or_else(in_modules).filter(|image| image.exists());
    let image = image.context("the packages hold no kernel")?;
    fs::rename(&image, ready.join("vmlinuz"))?;
    if has_modules {
        let modules = modules.context("the packages hold no modules")?;
        fs::rename(&modules, ready.join("modules"))?;
    }
    Ok(())
}

fn only_entry(folder: &Path) -> Option<PathBuf> {
    Some(folder.read_dir().ok()?.next()?.ok()?.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(packages: &[(&str, &str)]) -> (Source, String) {
        let stanza = |(name, version): &(&str, &str)| {
            format!("Package: {name}\nVersion: {version}\nFilename: pool/x\nSHA256: 00\n\n")
        };
        (Source::default(), packages.iter().map(stanza).collect())
    }

    #[test]
    fn the_newest_over_all_suites_with_all_its_packages() {
        let series: &Series = "6.12".parse().unwrap();
        let backports = index(&[("linux-image-6.12.95+deb12-cloud-amd64", "6.12.95-1~bpo12+1")]);
        let security = index(&[(
            "linux-image-6.12.117+deb12-cloud-amd64",
            "6.12.117-1~deb12u1",
        )]);
        let mut indexes = Indexes::from([("bookworm-backports", backports)]);
        let newest = |indexes: &Indexes| choose(series, indexes).unwrap().1[0].version.clone();
        assert_eq!(newest(&indexes), "6.12.95-1~bpo12+1");
        indexes.insert("bookworm-security", security);
        assert_eq!(newest(&indexes), "6.12.117-1~deb12u1");

        let series: &Series = "7.2".parse().unwrap();
        let kernel = ("linux-binary-7.2.9+deb13-cloud-amd64", "7.2.9-1");
        let modules = ("linux-modules-7.2.9+deb13-cloud-amd64", "7.2.9-1");
        let base = ("linux-base-7.2.9+deb13-cloud-amd64", "7.2.9-1");
        let mut indexes = Indexes::from([("trixie-backports", index(&[kernel, modules]))]);
        assert!(choose(series, &indexes).is_none());
        indexes.insert("trixie-backports", index(&[kernel, modules, base]));
        assert_eq!(choose(series, &indexes).unwrap().1.len(), 3);
    }
}
