//! Root file system of Debian's packages, unpacked but not configured, since an ordinary user has
//! no chroot.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::child;

/// Folders that are links below `/usr` since Debian 12; packages still have files in them.
const MERGED: &[&str] = &["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Makes the folders that no package has.
pub fn begin(root: &Path) -> Result<()> {
    for name in MERGED {
        fs::create_dir_all(root.join("usr").join(name))?;
        symlink(format!("usr/{name}"), root.join(name))?;
    }
    for folder in [
        "proc",
        "sys",
        "dev",
        "run",
        "tmp",
        "var/lib/dpkg/info",
        "var/lib/dpkg/updates",
    ] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::write(root.join("var/lib/dpkg/status"), "")?;
    fs::write(root.join("var/lib/dpkg/available"), "")?;
    fs::write(root.join("setuid"), "")?;
    Ok(())
}

/// Unpacks one package and notes it as unpacked in the database of the root's own dpkg.
pub fn add(root: &Path, archive: &Path) -> Result<()> {
    let what = || format!("unpack {}", archive.display());
    let files = extract(root, archive).with_context(what)?;
    let control = tempfile::tempdir()?;
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.arg("--control").arg(archive).arg(control.path());
    child::read(&mut dpkg).with_context(what)?;
    let text = fs::read_to_string(control.path().join("control")).with_context(what)?;
    let field = |name: &str| {
        let of = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned());
        text.lines().find_map(of)
    };
    let name = field("Package").context("a package without a name")?;
    // dpkg's name for the files of a package that can be installed for several architectures.
    let file_name = match field("Multi-Arch").as_deref() {
        Some("same") => format!("{name}:amd64"),
        _ => name.clone(),
    };
    let info = root.join("var/lib/dpkg/info");
    for entry in control.path().read_dir()?.flatten() {
        let kind = entry.file_name();
        if kind != "control" {
            let to = info.join(format!("{file_name}.{}", kind.to_string_lossy()));
            fs::copy(entry.path(), to)?;
        }
    }
    fs::write(info.join(format!("{file_name}.list")), files)?;
    let mut status = OpenOptions::new()
        .append(true)
        .open(root.join("var/lib/dpkg/status"))?;
    let state = "Status: install ok unpacked";
    let text = text.trim_end().replacen('\n', &format!("\n{state}\n"), 1);
    writeln!(status, "{text}\n")?;
    Ok(())
}

/// Unpacks all files; returns their paths, a line each.
fn extract(root: &Path, archive: &Path) -> Result<String> {
    let mut deb = Command::new("dpkg-deb");
    deb.arg("--fsys-tarfile")
        .arg(archive)
        .stdout(Stdio::piped());
    let mut deb = deb.spawn().context("start dpkg-deb")?;
    let mut tar = Command::new("tar");
    tar.args([
        "--extract",
        "--verbose",
        "--no-same-owner",
        "--preserve-permissions",
    ])
    .args(["--keep-directory-symlink", "--directory"])
    .arg(root)
    .stdin(deb.stdout.take().context("dpkg-deb has no output")?);
    let output = tar.output().context("start tar")?;
    let ended = deb.wait().context("wait for dpkg-deb")?;
    let why = String::from_utf8_lossy(&output.stderr);
    let why = why.lines().next().unwrap_or_default();
    ensure!(output.status.success(), "tar: {why}");
    ensure!(ended.success(), "dpkg-deb: {ended}");
    let names = String::from_utf8_lossy(&output.stdout);
    let mut setuid = OpenOptions::new().append(true).open(root.join("setuid"))?;
    let mut list = String::new();
    for name in names.lines() {
        let path = name.trim_start_matches('.').trim_end_matches('/');
        list += if path.is_empty() { "/." } else { path };
        list.push('\n');
        let meta = fs::symlink_metadata(root.join(path.trim_start_matches('/')));
        let mode = meta
            .map(|meta| meta.permissions().mode())
            .unwrap_or_default();
        // The later chown to root clears these bits.
        if mode & 0o6000 != 0 && mode & 0o170_000 == 0o100_000 {
            writeln!(setuid, "{:o} {path}", mode & 0o7777)?;
        }
    }
    Ok(list)
}
