//! Unpacking a package: an `ar` archive with the files in a `data.tar.*`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::child;

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;

/// Unpacks the files of the package at `deb` that match one of the shell `patterns` into `folder`.
pub fn unpack(deb: &Path, patterns: &[&str], folder: &Path) -> Result<()> {
    let bytes = fs::read(deb).with_context(|| format!("read {}", deb.display()))?;
    let (name, data) =
        member(&bytes, "data.tar").with_context(|| format!("unpack {}", deb.display()))?;
    // Through a file, and not a pipe, so that tar finds out by itself how it is compressed.
    let tar = deb.with_extension(name.replace('/', ""));
    fs::write(&tar, data).with_context(|| format!("write {}", tar.display()))?;
    let mut command = Command::new("tar");
    command
        .args(["--extract", "--no-same-owner", "--wildcards", "--file"])
        .arg(&tar);
    command.arg("--directory").arg(folder).args(patterns);
    let output = command
        .output()
        .with_context(|| format!("start {}", child::line(&command)))?;
    fs::remove_file(&tar)?;
    // Packages have their kernel in one of several places: a pattern that matches nothing makes
    // tar fail, and the caller looks whether what it needs has come.
    let why = String::from_utf8_lossy(&output.stderr);
    let damaged = why.lines().find(|line| {
        !line.ends_with("Not found in archive") && !line.contains("Exiting with failure status")
    });
    ensure!(
        damaged.is_none(),
        "{}: {}",
        child::line(&command),
        damaged.unwrap_or_default()
    );
    Ok(())
}

/// The first member of an `ar` archive whose name begins with `prefix`.
fn member<'a>(archive: &'a [u8], prefix: &str) -> Result<(&'a str, &'a [u8])> {
    let mut rest = archive.strip_prefix(MAGIC).context("not an ar archive")?;
    while let Some((header, after)) = rest.split_at_checked(HEADER) {
        let text = |range| header.get(range).and_then(|b| std::str::from_utf8(b).ok());
        let name = text(0..16).context("member name")?.trim_end();
        let size = text(48..58).and_then(|size| size.trim_end().parse::<usize>().ok());
        let size = size.with_context(|| format!("size of member {name:?}"))?;
        let (data, after) = after
            .split_at_checked(size)
            .context("the archive is cut short")?;
        if name.starts_with(prefix) {
            return Ok((name, data));
        }
        // Members start at even offsets.
        rest = after.get(size % 2..).unwrap_or_default();
    }
    anyhow::bail!("no {prefix} in it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (name, data) in members {
            let header = format!(
                "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
                0,
                0,
                0,
                644,
                data.len()
            );
            bytes.extend(header.as_bytes());
            bytes.extend(*data);
            bytes.resize(bytes.len().next_multiple_of(2), b'\n');
        }
        bytes
    }

    #[test]
    fn members_are_found_behind_odd_ones() {
        let bytes = archive(&[("debian-binary", b"2.0"), ("data.tar.xz", b"data")]);
        assert_eq!(
            member(&bytes, "data.tar").unwrap(),
            ("data.tar.xz", &b"data"[..])
        );
        assert!(member(&bytes, "control").is_err());
        assert!(member(&bytes[..bytes.len() - 1], "data").is_err());
        assert!(member(b"PK", "data").is_err());
    }
}
