//! The tarball: the same files for every system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::files::COMPLETIONS;
use crate::{child, places};

/// Makes the tarball, whose bytes depend on nothing but its files.
pub fn make(binary: &Path, files: &Path, to: &Path) -> Result<PathBuf> {
    let name = format!("memcg-trace-{}-x86_64-linux", env!("CARGO_PKG_VERSION"));
    let scratch = tempfile::tempdir()?;
    let root = scratch.path().join(&name);
    let repository = places::repository()?;
    let mut copies = vec![
        (binary.to_owned(), "memcg-trace"),
        (files.join("sbom.cdx.json"), "sbom.cdx.json"),
        (files.join("THIRD-PARTY-LICENCES"), "THIRD-PARTY-LICENCES"),
    ];
    copies.extend(COMPLETIONS.map(|(shell, file)| {
        (
            files.join("completions").join(shell).join(file),
            "completions",
        )
    }));
    for file in [
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "docs",
        "contrib",
    ] {
        copies.push((repository.join(file), file));
    }
    fs::create_dir_all(root.join("completions"))?;
    for (from, to) in copies {
        let to = root.join(to);
        child::run(
            Command::new("cp")
                .args(["--recursive", "--no-preserve=mode"])
                .arg(from)
                .arg(to),
        )?;
    }
    child::run(
        Command::new("cp")
            .arg("--recursive")
            .arg(files.join("man"))
            .arg(root.join("man")),
    )?;
    child::run(
        Command::new("chmod")
            .arg("755")
            .arg(root.join("memcg-trace")),
    )?;
    // The script of a plugin is started where it lies.
    child::run(
        Command::new("chmod")
            .arg("755")
            .arg(root.join("contrib/npd/memcg-trace.sh")),
    )?;
    let path = to.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.args([
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mtime=@0",
    ]);
    // Without a time in gzip's header.
    tar.args(["--use-compress-program=gzip -9n", "--create", "--file"]);
    tar.arg(&path);
    tar.arg("--directory").arg(scratch.path()).arg(&name);
    child::run(&mut tar).context("make the tarball")?;
    Ok(path)
}
