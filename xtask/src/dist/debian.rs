//! The package for Debian. What is in it says `memcg-trace/Cargo.toml`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::setup::cargo_tools::CARGO_DEB;
use crate::{child, places};

pub fn make(to: &Path) -> Result<PathBuf> {
    let version = env!("CARGO_PKG_VERSION");
    let changelog = places::repository()?.join("contrib/debian/changelog");
    let newest = fs::read_to_string(&changelog).context("read Debian's list of changes")?;
    ensure!(
        newest.starts_with(&format!("memcg-trace ({version}-1) ")),
        "{} does not begin with version {version}",
        changelog.display()
    );
    let path = to.join(format!("memcg-trace_{version}-1_amd64.deb"));
    let mut command = CARGO_DEB.command()?;
    command.current_dir(places::repository()?);
    command.args(["--no-build", "--no-strip", "--profile", "dist", "--quiet"]);
    command.args(["--package", "memcg-trace", "--target", places::TARGET]);
    command.arg("--output").arg(&path);
    child::run(&mut command).context("make the .deb")?;
    Ok(path)
}
