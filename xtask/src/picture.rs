//! `cargo xtask picture`: the picture in the README, drawn from a recording.

use std::process::Command;

use anyhow::Result;

use crate::{child, places};

/// A recording with something to see.
const RECORDING: &str = "memcg-trace/tests/recordings/demo-6.12.rec";
const PICTURE: &str = "docs/screen.svg";
/// How often Tab is pressed: to the tree of memcgs.
const TABS: &str = "1";

/// Draws the picture in the README from a recording
#[derive(clap::Args)]
pub struct Arguments {}

pub fn main(_: &Arguments) -> Result<u8> {
    let example = [
        "run",
        "--quiet",
        "--package",
        "memcg-trace",
        "--example",
        "picture",
    ];
    child::run(
        Command::new("cargo")
            .args(example)
            .args(["--", RECORDING, TABS, PICTURE])
            .current_dir(places::repository()?),
    )?;
    Ok(0)
}
