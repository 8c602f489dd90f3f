//! The kernels whose BTF is a test input, and where Debian has them.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, Result};

use crate::places;

/// A kernel of `memcg-trace/tests/btf`.
#[derive(Debug, PartialEq, Eq)]
pub struct Input {
    /// The name of its file there: the series, and what is not the cloud flavour of amd64.
    pub name: &'static str,
    /// The start of its version.
    pub series: &'static str,
    /// Suites that may have the series; the newest version of all of them is taken.
    pub suites: &'static [&'static str],
    /// The name of the package: prefix and suffix around the version.
    pub package: (&'static str, &'static str),
    pub architecture: &'static str,
}

impl Input {
    /// The folder of its BTF in the cache. It is renamed into place, so it is either complete or
    /// missing.
    pub fn folder(&self) -> Result<PathBuf> {
        Ok(places::cache()?.join("btf").join(self.name))
    }
}

impl FromStr for &'static Input {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let names: Vec<_> = INPUTS.iter().map(|input| input.name).collect();
        let found = INPUTS.iter().find(|input| input.name == name);
        found.with_context(|| format!("no such file: there are {}", names.join(", ")))
    }
}

const BULLSEYE: &[&str] = &["bullseye", "bullseye-security"];
const BOOKWORM: &[&str] = &["bookworm", "bookworm-security"];
const BACKPORTS_OF_BOOKWORM: &[&str] = &["bookworm-backports", "bookworm-security"];
const BACKPORTS: &[&str] = &["trixie-backports"];

#[rustfmt::skip]
pub const INPUTS: &[Input] = &[
    amd64("5.10", "5.10", BULLSEYE, ("linux-image-", "-cloud-amd64")),
    amd64("5.10-rt", "5.10", BULLSEYE, ("linux-image-", "-rt-amd64")),
    amd64("6.1", "6.1", BOOKWORM, ("linux-image-", "-cloud-amd64-unsigned")),
    amd64("6.1-rt", "6.1", BOOKWORM, ("linux-image-", "-rt-amd64-unsigned")),
    amd64("6.12", "6.12", BACKPORTS_OF_BOOKWORM, ("linux-image-", "-cloud-amd64")),
    amd64("6.12-rt", "6.12", BACKPORTS_OF_BOOKWORM, ("linux-image-", "-rt-amd64")),
    amd64("6.16", "6.16", BACKPORTS, ("linux-image-", "-cloud-amd64")),
    amd64("6.17", "6.17", BACKPORTS, ("linux-image-", "-cloud-amd64")),
    amd64("6.18", "6.18", BACKPORTS, ("linux-image-", "-cloud-amd64")),
    amd64("6.19", "6.19", BACKPORTS, ("linux-binary-", "-cloud-amd64")),
    // The version that guests boot: see `kernel::REAP_DEADLOCK`.
    amd64("7.0", "7.0.4", BACKPORTS, ("linux-binary-", "-cloud-amd64")),
    amd64("7.1", "7.1", BACKPORTS, ("linux-binary-", "-cloud-amd64")),
    amd64("7.2", "7.2", BACKPORTS, ("linux-binary-", "-cloud-amd64")),
    amd64("7.2-rt", "7.2", BACKPORTS, ("linux-binary-", "-rt-amd64")),
    amd64("7.3", "7.3", BACKPORTS, ("linux-binary-", "-cloud-amd64")),
    arm64("7.2-arm64", "7.2", BACKPORTS, ("linux-binary-", "-cloud-arm64")),
    arm64("7.3-arm64", "7.3", BACKPORTS, ("linux-binary-", "-cloud-arm64")),
];

const fn amd64(
    name: &'static str,
    series: &'static str,
    suites: &'static [&'static str],
    package: (&'static str, &'static str),
) -> Input {
    Input {
        name,
        series,
        suites,
        package,
        architecture: "amd64",
    }
}

const fn arm64(
    name: &'static str,
    series: &'static str,
    suites: &'static [&'static str],
    package: (&'static str, &'static str),
) -> Input {
    Input {
        architecture: "arm64",
        ..amd64(name, series, suites, package)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of other kernels may be beside them.
    #[test]
    fn each_kernel_has_its_file() {
        let folder = places::repository().unwrap().join("memcg-trace/tests/btf");
        for input in INPUTS {
            let file = folder.join(format!("{}.btf", input.name));
            assert!(file.exists(), "{}", file.display());
        }
    }
}
