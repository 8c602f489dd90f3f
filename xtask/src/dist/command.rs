//! The verb.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "xtask talks to the person who started it"
)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use super::{binary, check, crates, debian, files, rpm, tarball, trial};
use crate::setup::timings::Timings;
use crate::setup::tools::BUSYBOX;
use crate::setup::{self, Needs};
use crate::{child, places};

/// Builds the binary that is given away, and packages of it: a tarball, a .deb and a .rpm
#[derive(clap::Args)]
pub struct Arguments {
    /// Also install, run, upgrade and purge the .deb in a guest with Debian and systemd
    #[arg(long)]
    trial: bool,
}

/// The `.deb` that this process has made.
static DEB: Mutex<Option<PathBuf>> = Mutex::new(None);

/// The `.deb` of the present sources; it is made, unless this process has made it before.
pub fn deb() -> Result<PathBuf> {
    let made = || DEB.lock().unwrap_or_else(PoisonError::into_inner);
    let before = made().clone();
    if let Some(deb) = before {
        return Ok(deb);
    }
    packages(false)?;
    let deb = made().clone();
    deb.context("no .deb was made")
}

pub fn main(arguments: &Arguments) -> Result<u8> {
    packages(arguments.trial)?;
    Ok(0)
}

/// Makes the packages and checks them; with `in_guest` also by installing one.
pub fn packages(in_guest: bool) -> Result<()> {
    let needs = Needs {
        tools: vec![&BUSYBOX],
        ..Needs::default()
    };
    setup::ensure(&needs, &mut Timings::default())?;
    let folder = places::target()?.join("packages");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("remove the packages of before")?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    eprintln!("dist: building the binary");
    let binary = binary::build()?;
    let crates = crates::in_binary()?;
    let files = files::make(&binary, &crates)?;
    let tarball = tarball::make(&binary, &files, &folder)?;
    let deb = debian::make(&folder)?;
    let rpm = rpm::make(&folder)?;
    let sbom = folder.join(format!(
        "memcg-trace-{}.cdx.json",
        env!("CARGO_PKG_VERSION")
    ));
    fs::copy(files.join("sbom.cdx.json"), &sbom).context("copy the list of what is in it")?;
    let all = [tarball, deb, rpm, sbom];
    let sums = checksums(&all)?;
    fs::write(folder.join("SHA256SUMS"), &sums).context("write the checksums")?;
    check::all(&binary, &files, &folder, &all)?;
    println!("{:>10}  the binary", fs::metadata(&binary)?.len());
    for path in &all {
        println!("{:>10}  {}", fs::metadata(path)?.len(), path.display());
    }
    *DEB.lock().unwrap_or_else(PoisonError::into_inner) = Some(all[1].clone());
    if in_guest {
        trial::run(&all[1])?;
        println!("installed, ran and was purged in Debian");
    }
    Ok(())
}

/// The checksums as `sha256sum --check` reads them.
fn checksums(files: &[PathBuf]) -> Result<String> {
    let folder = files[0].parent().context("a package without a folder")?;
    let names = files.iter().filter_map(|path| path.file_name());
    child::read(Command::new("sha256sum").args(names).current_dir(folder))
}
