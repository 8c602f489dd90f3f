//! Headers of a kernel: fetched into its folder in the cache, for building modules for just that
//! kernel.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::apt::{Apt, Package};
use super::progress::say;
use super::{kernels, unpack};
use crate::kernel::Series;

const PATTERNS: &[&str] = &["./usr/src/*", "./usr/lib/linux-kbuild-*"];

pub fn fetch(series: &Series, apt: &Apt) -> Result<()> {
    let folder = series.folder()?;
    // The packages that the folder was made of, with their versions, one in each line; the kernel
    // is first.
    let made_of = fs::read_to_string(folder.join("packages")).context("which kernel is it")?;
    let (release, version) = release(series, &made_of)?;
    let packages = packages(series, apt, release, version)?;
    let scratch = tempfile::Builder::new()
        .prefix(".headers-")
        .tempdir_in(&folder)?;
    let root = scratch.path().join("root");
    fs::create_dir(&root)?;
    say(&format!("fetching the headers of {release}"));
    for archive in apt.download(&packages)? {
        unpack::unpack(&archive, PATTERNS, &root)?;
        fs::remove_file(archive)?;
    }
    arrange(&root.join("usr"), &series.headers()?)
}

/// `5.10.0-46` and `5.10.262-1` for `linux-image-5.10.0-46-cloud-amd64 5.10.262-1`.
fn release<'a>(series: &Series, made_of: &'a str) -> Result<(&'a str, &'a str)> {
    let line = made_of.lines().next().unwrap_or_default();
    let of = |naming: &(&str, &str)| {
        let (name, version) = line.split_once(' ')?;
        Some((kernels::release(*naming, name)?, version))
    };
    let first = series.packages.first().and_then(of);
    first.with_context(|| format!("{line:?} is no kernel's package"))
}

/// The headers of the flavour, those common to all flavours, and the build programs.
fn packages(series: &Series, apt: &Apt, release: &str, version: &str) -> Result<Vec<Package>> {
    let missing = || {
        let suites = series.suites.join(", ");
        format!("{release} {version} is no longer in {suites}")
    };
    let kbuild = [release, series.name].map(|of| format!("linux-kbuild-{of}"));
    let names = [
        vec![format!("linux-headers-{release}-cloud-amd64")],
        vec![format!("linux-headers-{release}-common")],
        kbuild.to_vec(),
    ];
    let mut packages = Vec::new();
    for alternatives in names {
        let mut found = None;
        for name in alternatives {
            found = found.or(apt.exactly(&name, version)?);
        }
        packages.push(found.with_context(missing)?);
    }
    Ok(packages)
}

/// Moves the tree to its place, and writes that path into its makefile, where the package has the
/// path of an installed tree.
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

    #[test]
    fn headers_are_those_of_the_kernel() {
        let series: &Series = "6.1".parse().unwrap();
        let made_of = "linux-image-6.1.0-56-cloud-amd64-unsigned 6.1.192-2\n";
        let (name, version) = release(series, made_of).unwrap();
        assert_eq!((name, version), ("6.1.0-56", "6.1.192-2"));
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
