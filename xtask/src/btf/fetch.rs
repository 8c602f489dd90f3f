//! BTF of kernels, fetched into the cache.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use super::image::btf_of;
use super::inputs::Input;
use crate::setup::apt::{Apt, Package};
use crate::setup::progress::say;
use crate::setup::{kernels, unpack};

const PATTERNS: &[&str] = &[
    "./boot/vmlinuz-*",
    "./lib/modules/*/vmlinuz",
    "./usr/lib/modules/*/vmlinuz",
];

/// Fetches the newest kernel of an input, and keeps its BTF.
pub fn fetch(input: &Input, apt: &Apt) -> Result<()> {
    let folder = input.folder()?;
    let all = folder.parent().context("the cache has no folder")?;
    fs::create_dir_all(all).with_context(|| format!("create {}", all.display()))?;
    let (package, archive) = newest(input, apt)?;
    let scratch = tempfile::Builder::new().prefix(".fetch-").tempdir_in(all)?;
    let root = scratch.path().join("root");
    let ready = scratch.path().join("ready");
    fs::create_dir(&root)?;
    fs::create_dir(&ready)?;
    unpack::unpack(&archive, PATTERNS, &root)?;
    fs::remove_file(archive)?;
    let image = kernels::image_in(&root)?;
    let image = fs::read(&image).with_context(|| format!("read {}", image.display()))?;
    fs::write(ready.join("vmlinux.btf"), btf_of(&image)?)?;
    fs::write(
        ready.join("package"),
        format!("{} {}\n", package.name, package.version),
    )?;
    put(&ready, &folder)
}

/// The newest package of an input, and its archive. Indexes list packages that a mirror no longer
/// has; then an older one of the series serves.
fn newest(input: &Input, apt: &Apt) -> Result<(Package, PathBuf)> {
    let mut failure = None;
    for package in kernels::all_of(input.series, input.package, apt)? {
        say(&format!("fetching {} {}", package.name, package.version));
        match apt.download(std::slice::from_ref(&package)) {
            Ok(archives) => {
                let archive = archives.into_iter().next();
                return Ok((package, archive.context("nothing was downloaded")?));
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    let suites = input.suites.join(", ");
    Err(failure.unwrap_or_else(|| anyhow!("not in {suites} of this machine's mirror")))
}

/// Replaces a folder.
fn put(ready: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    fs::rename(ready, folder).with_context(|| format!("put it at {}", folder.display()))
}
