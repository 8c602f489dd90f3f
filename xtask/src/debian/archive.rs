//! Fetching from an archive, with every byte checked: the suite's signature, by it the index, by
//! the index the package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::index::{self, Package};
use super::sources::Source;
use crate::{child, places};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The package index of `suite` for this architecture, as text.
pub fn index_of(suite: &str, archives: &[Source], scratch: &Path) -> Result<(Source, String)> {
    let mut failures = Vec::new();
    for archive in archives {
        match index_from(suite, archive, scratch) {
            Ok(text) => return Ok((archive.clone(), text)),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    bail!("suite {suite}: {}", failures.join("; "))
}

fn index_from(suite: &str, archive: &Source, scratch: &Path) -> Result<String> {
    const INDEX: &str = "main/binary-amd64/Packages.xz";
    let base = format!("{}/dists/{suite}", archive.uri);
    let release = scratch.join(format!("{suite}.InRelease"));
    download(&format!("{base}/InRelease"), &release)?;
    let text = verified(&release, archive)?;
    let expected = index::sha256_in_release(&text, INDEX)?;
    let packed = scratch.join(format!("{suite}.Packages.xz"));
    download(&format!("{base}/{INDEX}"), &packed)?;
    check_sha256(&packed, &expected)?;
    child::read(
        Command::new("xz")
            .args(["--decompress", "--stdout"])
            .arg(&packed),
    )
}

/// Fetches a package into `scratch`.
pub fn package(archive: &Source, package: &Package, scratch: &Path) -> Result<PathBuf> {
    let path = scratch.join(format!("{}.deb", package.name));
    download(&format!("{}/{}", archive.uri, package.filename), &path)?;
    check_sha256(&path, &package.sha256)?;
    Ok(path)
}

fn download(url: &str, to: &Path) -> Result<()> {
    let mut curl = Command::new("curl");
    curl.args([
        "--fail",
        "--silent",
        "--show-error",
        "--location",
        "--retry",
        "3",
    ]);
    curl.args(["--connect-timeout", "20"])
        .arg("--output")
        .arg(to)
        .arg(url);
    let output = curl.output().context("start curl")?;
    // One line per attempt; the last one is enough.
    let why = String::from_utf8_lossy(&output.stderr);
    let why = why.lines().last().unwrap_or_default();
    ensure!(
        output.status.success(),
        "fetch {url}: {why} ({})",
        output.status
    );
    Ok(())
}

/// What is signed in `release`, checked with the keys of this machine. Without keys or gpgv (no
/// Debian) the checksums still hold against accidents, and we say that they are all there is.
#[expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]
fn verified(release: &Path, archive: &Source) -> Result<String> {
    let keyring = archive.signed_by.clone().unwrap_or_else(|| KEYRING.into());
    if places::executable("gpgv").is_none() || !keyring.exists() {
        eprintln!(
            "setup: no gpgv or no Debian keys here: {} is unverified",
            archive.uri
        );
        return fs::read_to_string(release).with_context(|| format!("read {}", release.display()));
    }
    // gpgv writes the signed part only: text around it in the file must not be believed.
    let signed = release.with_extension("signed");
    let mut gpgv = Command::new("gpgv");
    gpgv.args(["--quiet", "--keyring"])
        .arg(&keyring)
        .arg("--output")
        .arg(&signed)
        .arg(release);
    child::read(&mut gpgv).context("check the suite's signature")?;
    fs::read_to_string(&signed).with_context(|| format!("read {}", signed.display()))
}

fn check_sha256(path: &Path, expected: &str) -> Result<()> {
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let found: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let name = path.file_name().unwrap_or_default().display();
    ensure!(
        found == expected,
        "{name} has SHA256 {found}, its index says {expected}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "abc").unwrap();
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        check_sha256(file.path(), sum).unwrap();
        fs::write(file.path(), "abd").unwrap();
        assert!(
            check_sha256(file.path(), sum)
                .unwrap_err()
                .to_string()
                .contains(sum)
        );
    }
}
