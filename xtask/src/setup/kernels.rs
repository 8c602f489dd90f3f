//! Guest kernels, fetched into the cache.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::apt::{Apt, Package};
use super::progress::say;
use super::unpack;
use crate::kernel::Series;

/// Files of a kernel package that a guest needs, in each place where packages have them.
const PATTERNS: &[&str] = &["./boot/vmlinuz-*", "./lib/modules/*", "./usr/lib/modules/*"];

/// Fetches the newest kernel of a series.
pub fn fetch(series: &Series, apt: &Apt) -> Result<()> {
    let folder = series.folder()?;
    let kernels = folder.parent().context("the cache has no folder")?;
    fs::create_dir_all(kernels).with_context(|| format!("create {}", kernels.display()))?;
    let packages = newest(series, apt)?;
    let names: String = packages
        .iter()
        .map(|package| format!("{} {}\n", package.name, package.version))
        .collect();
    say(&format!(
        "fetching {}",
        names.trim_end().replace('\n', ", ")
    ));
    // Beside the final folder, so that it can be renamed into place when it is complete.
    let scratch = tempfile::Builder::new()
        .prefix(".fetch-")
        .tempdir_in(kernels)?;
    let root = scratch.path().join("root");
    fs::create_dir(&root)?;
    for archive in apt.download(&packages)? {
        unpack::unpack(&archive, PATTERNS, &root)?;
        fs::remove_file(archive)?;
    }
    let ready = scratch.path().join("ready");
    arrange(&root, &ready, series.has_modules)?;
    fs::write(ready.join("packages"), names)?;
    fs::rename(&ready, &folder).with_context(|| format!("put it at {}", folder.display()))
}

/// The newest version in all suites of the series, with all its packages.
fn newest(series: &Series, apt: &Apt) -> Result<Vec<Package>> {
    let missing = || {
        format!(
            "not in {} of this machine's mirror",
            series.suites.join(", ")
        )
    };
    let (first, others) = series.packages.split_first().context("it has no package")?;
    let newest = all_of(series.name, *first, apt)?.into_iter().next();
    let newest = newest.with_context(missing)?;
    let release = release(*first, &newest.name).with_context(missing)?;
    let mut packages = vec![newest.clone()];
    for (prefix, suffix) in others {
        let name = format!("{prefix}{release}{suffix}");
        let package = apt.exactly(&name, &newest.version)?;
        packages
            .push(package.with_context(|| format!("{name} {}: {}", newest.version, missing()))?);
    }
    Ok(packages)
}

/// The packages of a series with this prefix and suffix around the version, the newest first.
pub fn all_of(series: &str, naming: (&str, &str), apt: &Apt) -> Result<Vec<Package>> {
    let prefix = format!("{}{series}", naming.0);
    apt.newest(&prefix, |name| is_of(series, naming, name))
}

/// `5.10.0-46` for `linux-image-5.10.0-46-cloud-amd64`.
pub fn release<'a>((prefix, suffix): (&str, &str), name: &'a str) -> Option<&'a str> {
    name.strip_prefix(prefix)?.strip_suffix(suffix)
}

/// Returns whether a package is `PREFIX + SERIES.… + SUFFIX`, or `SERIES+…` where a series is one
/// version.
fn is_of(series: &str, naming: (&str, &str), name: &str) -> bool {
    let release = release(naming, name);
    let rest = release.and_then(|release| release.strip_prefix(series));
    rest.is_some_and(|rest| rest.starts_with(['.', '+']))
}

/// Makes `vmlinuz` and `modules/` from the files of the packages.
fn arrange(root: &Path, ready: &Path, has_modules: bool) -> Result<()> {
    fs::create_dir(ready)?;
    fs::rename(image_in(root)?, ready.join("vmlinuz"))?;
    if has_modules {
        let modules = modules_in(root).context("the packages hold no modules")?;
        fs::rename(&modules, ready.join("modules"))?;
    }
    Ok(())
}

/// The image of the kernel whose packages were unpacked there.
pub fn image_in(root: &Path) -> Result<PathBuf> {
    let in_boot = only_entry(&root.join("boot"));
    let in_modules = || Some(modules_in(root)?.join("vmlinuz"));
    let image = in_boot.or_else(in_modules).filter(|image| image.exists());
    image.context("the packages hold no kernel")
}

fn modules_in(root: &Path) -> Option<PathBuf> {
    let trees = ["lib/modules", "usr/lib/modules"].map(|tree| root.join(tree));
    trees.iter().find_map(|tree| only_entry(tree))
}

fn only_entry(folder: &Path) -> Option<PathBuf> {
    Some(folder.read_dir().ok()?.next()?.ok()?.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_a_series() {
        let series: &Series = "6.1".parse().unwrap();
        let is_of = |name| is_of(series.name, series.packages[0], name);
        assert!(is_of("linux-image-6.1.0-56-cloud-amd64-unsigned"));
        assert!(!is_of("linux-image-6.12.95+deb12-cloud-amd64-unsigned"));
        assert!(!is_of("linux-image-6.1.0-56-cloud-amd64"));
        let version: &Series = "7.0.4".parse().unwrap();
        let name = "linux-binary-7.0.4+deb13-cloud-amd64";
        assert!(super::is_of(version.name, version.packages[0], name));
        assert_eq!(release(version.packages[0], name), Some("7.0.4+deb13"));
    }
}
