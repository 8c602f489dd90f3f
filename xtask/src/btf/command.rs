//! The verb: fetches kernels, and trims the BTF of each.
#![expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::fetch::fetch;
use super::inputs::{INPUTS, Input};
use crate::setup::apt::Apt;
use crate::setup::timings::Timings;
use crate::setup::tools::OF_IMAGES;
use crate::setup::{self, Needs};
use crate::{child, places};

const FOLDER: &str = "memcg-trace/tests/btf";

/// Makes the BTF of kernels that tests read anew, from Debian's packages
#[derive(clap::Args)]
pub struct Arguments {
    /// Files of memcg-trace/tests/btf without their ending, such as 6.12-rt; without any, all
    #[arg(value_name = "KERNEL")]
    kernels: Vec<&'static Input>,
    /// Fetch the newest kernels, even where the cache has others of their series
    #[arg(long)]
    newest: bool,
}

pub fn main(arguments: &Arguments) -> Result<u8> {
    let is_wanted =
        |input: &&Input| arguments.kernels.is_empty() || arguments.kernels.contains(input);
    let inputs: Vec<&'static Input> = INPUTS.iter().filter(is_wanted).collect();
    let needs = Needs {
        tools: OF_IMAGES.iter().collect(),
        ..Needs::default()
    };
    setup::ensure(&needs, &mut Timings::default())?;
    let mut failed = fetch_all(&inputs, arguments.newest)?;
    for input in inputs {
        if !failed.contains_key(input.name)
            && let Err(error) = trim(input)
        {
            failed.insert(input.name, format!("{error:#}"));
        }
    }
    for (name, why) in &failed {
        eprintln!("{name}: its file stays as it is: {why}");
    }
    eprintln!(
        "`BLESS=1 cargo test -p memcg-trace --test layouts` writes what `doctor` says of them"
    );
    Ok(u8::from(!failed.is_empty()))
}

/// Fetches what the cache lacks. Returns the kernels that cannot be had, and why.
fn fetch_all(inputs: &[&'static Input], newest: bool) -> Result<BTreeMap<&'static str, String>> {
    let mut missing = Vec::new();
    for input in inputs {
        if newest || !input.folder()?.exists() {
            missing.push(*input);
        }
    }
    let mut failed = BTreeMap::new();
    if missing.is_empty() {
        return Ok(failed);
    }
    let _lock = setup::lock()?;
    let architectures: BTreeSet<_> = missing.iter().map(|input| input.architecture).collect();
    for architecture in architectures {
        let of_it = || {
            missing
                .iter()
                .filter(|input| input.architecture == architecture)
        };
        let mut apt = Apt::of_architecture(architecture)?;
        let suites: BTreeSet<_> = of_it().flat_map(|input| input.suites).copied().collect();
        let unread: BTreeMap<_, _> = apt
            .refresh(&suites.into_iter().collect::<Vec<_>>())?
            .into_iter()
            .collect();
        for input in of_it() {
            if let Err(error) = fetch(input, &apt) {
                let unread = input.suites.iter().filter_map(|suite| unread.get(suite));
                let unread: String = unread.map(|why| format!("; {why}")).collect();
                failed.insert(input.name, format!("{error:#}{unread}"));
            }
        }
    }
    Ok(failed)
}

/// Makes the file of a kernel that the cache has.
fn trim(input: &Input) -> Result<()> {
    let root = places::repository()?;
    let folder = input.folder()?;
    let package = fs::read_to_string(folder.join("package")).context("which kernel is it")?;
    let file = root.join(FOLDER).join(format!("{}.btf", input.name));
    let before = fs::read(&file).ok();
    let example = [
        "run",
        "--quiet",
        "--package",
        "memcg-trace",
        "--example",
        "trim_btf",
        "--",
    ];
    let mut trim = Command::new("cargo");
    trim.args(example)
        .arg(folder.join("vmlinux.btf"))
        .arg(&file);
    child::run(trim.current_dir(&root))?;
    let after = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
    let became = match before {
        None => "is new",
        Some(before) if before == after => "is the same",
        Some(_) => "has changed",
    };
    eprintln!("{}: {became}, of {}", input.name, package.trim());
    note(&root.join(FOLDER).join("packages"), input, package.trim())
}

/// Notes which package the file of a kernel was made of.
fn note(list: &Path, input: &Input, package: &str) -> Result<()> {
    let text = fs::read_to_string(list).unwrap_or_default();
    let mut packages: BTreeMap<_, _> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    packages.insert(input.name, package);
    let lines = packages
        .iter()
        .map(|(name, package)| format!("{name} {package}\n"));
    fs::write(list, lines.collect::<String>()).with_context(|| format!("write {}", list.display()))
}
