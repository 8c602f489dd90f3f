//! The `.deb` in a guest with Debian and systemd: installed, run, and purged.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::guest::{self, Spec, build};
use crate::kernel::{self, Choice, Kernel};
use crate::places;

const SCRIPT: &str = include_str!("trial.sh");

/// The packages of the userland of the guest tests, so that one disk serves for both.
const WITH: &[&str] = &["crun", "podman", "postgresql", "redis-server"];

pub fn run(deb: &Path) -> Result<()> {
    let series = kernel::DEFAULT.parse()?;
    let choice = Choice::Series(series);
    guest::set_up(&choice)?;
    let image = places::repository()?.join("contrib/image/Containerfile");
    let command = ["sh", "-c", SCRIPT].map(Into::into).into();
    let spec = Spec {
        memory: "2G".into(),
        copies: vec![deb.to_owned(), image],
        timeout: Some(Duration::from_secs(900)),
        ..Spec::new(Kernel::find(&choice)?, command)
    };
    let binaries = build::binaries(true)?;
    let with: Vec<_> = WITH.iter().map(|name| (*name).to_owned()).collect();
    let spec = spec.on_debian(&with, &binaries)?;
    let status = guest::run(&spec, &binaries, guest::ours)?.status();
    ensure!(
        status == 0,
        "the trial of the .deb in Debian ended with {status}"
    );
    Ok(())
}
