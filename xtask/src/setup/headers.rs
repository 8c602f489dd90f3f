//! Fetching what a kernel's module is built with into its folder in the cache: the headers of
//! just that kernel.
#![expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::debian::index::{self, Package};
use crate::debian::sources::{self, Source};
use crate::debian::{archive, deb};
use crate::kernel::Series;

/// About what the packages of one kernel amount to.
const APPROXIMATE_MB: usize = 16;

const PATTERNS: &[&str] = &["./usr/src/*", "./usr/lib/linux-kbuild-*"];

/// Sees to it that the headers of these kernels are there, and returns those that cannot be had.
/// Kernels can be looked at without.
pub fn ensure(kernels: &[&'static Series]) -> Result<Vec<(&'static Series, anyhow::Error)>> {
    let mut missing = Vec::new();
    for series in kernels {
        if !series.headers()?.exists() {
            missing.push(*series);
        }
    }
    let mut failures = Vec::new();
    if missing.is_empty() {
        return Ok(failures);
    }
    let names: Vec<_> = missing.iter().map(|series| series.name).collect();
    eprintln!(
        "setup: will fetch the headers of {} (about {} MB) to build a module for tests",
        names.join(", "),
        missing.len() * APPROXIMATE_MB
    );
    let sources = sources::read()?;
    for series in missing {
        if let Err(error) = fetch(series, &sources) {
            failures.push((series, error.context("its headers cannot be had")));
        }
    }
    Ok(failures)
}

fn fetch(series: &Series, sources: &[Source]) -> Result<()> {
    let folder = series.folder()?;
    // What it was made of, a package with its version in each line; the kernel is the first.
    let made_of = fs::read_to_string(folder.join("packages")).context("which kernel is it")?;
    let (release, version) = release(series, &made_of)?;
    let scratch = tempfile::Builder::new()
        .prefix(".headers-")
        .tempdir_in(&folder)?;
    let scratch = scratch.path();
    let (archive, packages) = find(series, release, version, sources, scratch)?;
    let root = scratch.join("root");
    fs::create_dir(&root)?;
    for package in &packages {
        eprintln!("setup: fetching {} {}", package.name, package.version);
        let path = archive::package(&archive, package, scratch)?;
        deb::unpack(&path, PATTERNS, &root)?;
        fs::remove_file(path)?;
    }
    arrange(&root.join("usr"), &series.headers()?)
}

fn find(
    series: &Series,
    release: &str,
    version: &str,
    sources: &[Source],
    scratch: &Path,
) -> Result<(Source, Vec<Package>)> {
    let mut why = format!("no longer in {}", series.suites.join(", "));
    // The newest kernel is mostly in the last of them.
    for suite in series.suites.iter().rev() {
        let archives = sources::archives_of(suite, sources);
        match archive::index_of(suite, &archives, scratch) {
            Ok((archive, index)) => {
                if let Some(packages) = packages(series, &index, release, version) {
                    return Ok((archive, packages));
                }
            }
            Err(error) => why += &format!("; {error:#}"),
        }
    }
    bail!("{release} {version}: {why}")
}

/// `5.10.0-46` and `5.10.262-1` for `linux-image-5.10.0-46-cloud-amd64 5.10.262-1`.
fn release<'a>(series: &Series, made_of: &'a str) -> Result<(&'a str, &'a str)> {
    let line = made_of.lines().next().unwrap_or_default();
    let of = |(prefix, suffix): &(&str, &str)| {
        let (name, version) = line.split_once(' ')?;
        Some((name.strip_prefix(prefix)?.strip_suffix(suffix)?, version))
    };
    let first = series.packages.first().and_then(of);
    first.with_context(|| format!("{line:?} is no kernel's package"))
}

/// The headers of the flavour, those of all flavours, and the programs that build with them.
fn packages(series: &Series, index: &str, release: &str, version: &str) -> Option<Vec<Package>> {
    let find = |name: String| index::package(index, &name, version);
    Some(vec![
        find(format!("linux-headers-{release}-cloud-amd64"))?,
        find(format!("linux-headers-{release}-common"))?,
        find(format!("linux-kbuild-{release}"))
            .or_else(|| find(format!("linux-kbuild-{}", series.name)))?,
    ])
}

/// Puts the tree in its place, and its own place into its makefile, where the package has that of
/// an installed one.
fn arrange(usr: &Path, place: &Path) -> Result<()> {
    let mut makefiles = Vec::new();
    for entry in usr.join("src").read_dir().context("no headers in them")? {
        makefiles.push(entry?.path().join("Makefile"));
    }
    let there = format!("{}/src/", place.display());
    let mut moved = 0;
    for makefile in makefiles.iter().filter(|file| file.exists()) {
        let text = fs::read_to_string(makefile)?;
        if text.contains("/usr/src/linux-headers-") && text.lines().count() < 5 {
            fs::write(makefile, text.replace("/usr/src/", &there))?;
            moved += 1;
        }
    }
    ensure!(moved == 1, "{moved} makefiles include that of all flavours");
    fs::rename(usr, place).with_context(|| format!("put them at {}", place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
Package: linux-headers-6.1.0-56-cloud-amd64\nVersion: 6.1.192-2\nFilename: a\nSHA256: 0\n\n\
Package: linux-headers-6.1.0-56-common\nVersion: 6.1.192-2\nFilename: b\nSHA256: 0\n\n\
Package: linux-kbuild-6.1\nVersion: 6.1.192-2\nFilename: c\nSHA256: 0\n\n";

    #[test]
    fn headers_are_those_of_the_kernel() {
        let series: &Series = "6.1".parse().unwrap();
        let made_of = "linux-image-6.1.0-56-cloud-amd64-unsigned 6.1.192-2\n";
        let (name, version) = release(series, made_of).unwrap();
        assert_eq!((name, version), ("6.1.0-56", "6.1.192-2"));
        assert_eq!(packages(series, INDEX, name, version).unwrap().len(), 3);
        assert!(packages(series, INDEX, name, "6.1.190-1").is_none());
        assert!(packages(series, INDEX, "6.1.0-55", version).is_none());
        assert!(release(series, "").is_err());
    }

    #[test]
    fn the_tree_knows_where_it_is() {
        let scratch = tempfile::tempdir().unwrap();
        let (usr, place) = (scratch.path().join("usr"), scratch.path().join("headers"));
        let flavour = usr.join("src/linux-headers-1-cloud-amd64");
        fs::create_dir_all(&flavour).unwrap();
        let include = "include /usr/src/linux-headers-1-common/Makefile\n";
        fs::write(flavour.join("Makefile"), include).unwrap();
        arrange(&usr, &place).unwrap();
        let text = fs::read_to_string(place.join("src/linux-headers-1-cloud-amd64/Makefile"));
        let there = format!(
            "include {}/src/linux-headers-1-common/Makefile\n",
            place.display()
        );
        assert_eq!(text.unwrap(), there);
    }
}
