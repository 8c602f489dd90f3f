//! Extraction of files from packages, without installing them.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::child;

/// Extracts the files that match `patterns` from a package, or all files if there are no patterns.
pub fn unpack(deb: &Path, patterns: &[&str], folder: &Path) -> Result<()> {
    let what = || format!("unpack {}", deb.display());
    let mut archive = Command::new("dpkg-deb");
    archive.arg("--fsys-tarfile").arg(deb);
    archive.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut archive = archive
        .spawn()
        .context("start dpkg-deb")
        .with_context(what)?;
    let mut tar = Command::new("tar");
    // Static libraries and manuals are most of the bytes, and nothing here reads them.
    tar.args(["--extract", "--no-same-owner", "--exclude=*.a"])
        .args(["--exclude=./usr/share/doc", "--exclude=./usr/share/man"])
        .arg("--directory")
        .arg(folder);
    if !patterns.is_empty() {
        tar.arg("--wildcards").args(patterns);
    }
    tar.stdin(archive.stdout.take().context("dpkg-deb has no output")?);
    let output = tar
        .output()
        .with_context(|| format!("start {}", child::line(&tar)))?;
    let ended = archive.wait_with_output().context("wait for dpkg-deb")?;
    let why = String::from_utf8_lossy(&output.stderr);
    // A pattern without a match in this package is fine: other packages have matches.
    let damage = why.lines().find(|line| {
        !line.ends_with("Not found in archive") && !line.contains("Exiting with failure status")
    });
    ensure!(
        damage.is_none(),
        "{}: {}",
        what(),
        damage.unwrap_or_default()
    );
    let why = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "{}: {}", what(), why.trim());
    Ok(())
}
