//! The package for Fedora and its relatives. What is in it says `memcg-trace/Cargo.toml`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::setup::cargo_tools::CARGO_GENERATE_RPM;
use crate::{child, places};

pub fn make(to: &Path) -> Result<PathBuf> {
    let version = env!("CARGO_PKG_VERSION");
    let path = to.join(format!("memcg-trace-{version}-1.x86_64.rpm"));
    let mut command = CARGO_GENERATE_RPM.command()?;
    command.current_dir(places::repository()?);
    command.args(["--package", "memcg-trace", "--profile", "dist"]);
    command.args(["--target", places::TARGET, "--auto-req", "disabled"]);
    // Every rpm of today and busybox can read it.
    command.args(["--payload-compress", "gzip"]);
    command.arg("--target-dir").arg(places::target()?);
    command.arg("--output").arg(&path);
    child::run(&mut command).context("make the .rpm")?;
    Ok(path)
}
