//! Packages as their users get them: unpacked, compared with what the program prints, and run.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::binary;
use super::files::{COMPLETIONS, pages, prints};
use crate::setup::tools::BUSYBOX;
use crate::{child, places};

/// Where packages of a kind have what differs between them.
struct Layout {
    /// The folders of completions, in the order of [`COMPLETIONS`].
    completions: [&'static str; 3],
    documents: &'static str,
}

const DEBIAN: Layout = Layout {
    completions: [
        "usr/share/bash-completion/completions",
        "usr/share/zsh/vendor-completions",
        "usr/share/fish/vendor_completions.d",
    ],
    documents: "usr/share/doc/memcg-trace",
};
const FEDORA: Layout = Layout {
    completions: [
        "usr/share/bash-completion/completions",
        "usr/share/zsh/site-functions",
        "usr/share/fish/vendor_completions.d",
    ],
    documents: "usr/share/doc/memcg-trace",
};

/// Checks the packages: a tarball, a `.deb`, a `.rpm` and the list of what is in them.
pub fn all(binary: &Path, files: &Path, folder: &Path, packages: &[PathBuf]) -> Result<()> {
    let sums = ["--check", "--strict", "--quiet", "SHA256SUMS"];
    child::read(Command::new("sha256sum").args(sums).current_dir(folder))?;
    let [tarball, deb, rpm, _] = packages else {
        anyhow::bail!("these are not the packages: {packages:?}");
    };
    let scratch = tempfile::tempdir()?;
    let root = |name: &str| -> Result<PathBuf> {
        let root = scratch.path().join(name);
        fs::create_dir(&root)?;
        Ok(root)
    };
    let unpacked = root("tar")?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--strip-components=1", "--directory"])
        .arg(&unpacked);
    child::read(tar.arg("--file").arg(tarball))?;
    is_the_program(&unpacked.join("memcg-trace"), binary).context("in the tarball")?;
    is_the_manual(&unpacked.join("man"), binary).context("in the tarball")?;

    let unpacked = root("deb")?;
    child::read(
        Command::new("dpkg-deb")
            .arg("--extract")
            .arg(deb)
            .arg(&unpacked),
    )?;
    package(&unpacked, binary, files, &DEBIAN).context("in the .deb")?;
    let copyright = fs::read(places::repository()?.join("contrib/debian/copyright"))?;
    let documents = unpacked.join(DEBIAN.documents);
    is_same(&documents.join("copyright"), &copyright)?;
    let conffiles = child::read(
        Command::new("dpkg-deb")
            .arg("--info")
            .arg(deb)
            .arg("conffiles"),
    )?;
    ensure!(
        conffiles == "/etc/memcg-trace.toml\n",
        "conffiles of the .deb: {conffiles:?}"
    );

    let unpacked = root("rpm")?;
    unpack_rpm(rpm, &unpacked)?;
    package(&unpacked, binary, files, &FEDORA).context("in the .rpm")
}

fn unpack_rpm(rpm: &Path, to: &Path) -> Result<()> {
    let archive = to.with_extension("cpio");
    let mut convert = BUSYBOX.command()?;
    convert
        .arg("rpm2cpio")
        .arg(rpm)
        .stdout(File::create(&archive)?);
    child::run(&mut convert)?;
    let mut cpio = BUSYBOX.command()?;
    cpio.args(["cpio", "-idm"]).current_dir(to);
    cpio.stdin(File::open(&archive)?).stderr(Stdio::null());
    child::run(&mut cpio)
}

fn package(root: &Path, binary: &Path, files: &Path, layout: &Layout) -> Result<()> {
    is_the_program(&root.join("usr/bin/memcg-trace"), binary)?;
    is_the_manual(&root.join("usr/share/man/man1"), binary)?;
    for ((shell, name), folder) in COMPLETIONS.iter().zip(layout.completions) {
        let script = prints(binary, &["completions", shell])?;
        is_same(&root.join(folder).join(name), script.as_bytes())?;
    }
    let documents = root.join(layout.documents);
    for name in ["THIRD-PARTY-LICENCES", "sbom.cdx.json"] {
        is_same(&documents.join(name), &fs::read(files.join(name))?)?;
    }
    let contrib = places::repository()?.join("contrib");
    let example = fs::read(contrib.join("memcg-trace.toml"))?;
    is_same(&root.join("etc/memcg-trace.toml"), &example)?;
    let unit = fs::read(contrib.join("systemd/memcg-trace.service"))?;
    is_same(
        &root.join("usr/lib/systemd/system/memcg-trace.service"),
        &unit,
    )
}

fn is_the_program(path: &Path, binary: &Path) -> Result<()> {
    is_same(path, &fs::read(binary)?)?;
    binary::examine(path)?;
    let version = prints(path, &["--version"])?;
    let wanted = format!("memcg-trace {}\n", env!("CARGO_PKG_VERSION"));
    ensure!(version == wanted, "it says that it is {version:?}");
    Ok(())
}

/// The pages of a folder are those that the program prints, and there are no others.
fn is_the_manual(folder: &Path, binary: &Path) -> Result<()> {
    let mut found = BTreeSet::new();
    for file in folder
        .read_dir()
        .with_context(|| format!("read {}", folder.display()))?
    {
        let path = file?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = match name.strip_suffix(".gz") {
            Some(_) => child::read(Command::new("gzip").args(["-dc"]).arg(&path))?,
            None => fs::read_to_string(&path)?,
        };
        found.insert((name.trim_end_matches(".gz").to_owned(), text));
    }
    let wanted: BTreeSet<_> = pages(binary)?.into_iter().collect();
    ensure!(
        found == wanted,
        "the manual in {} is another one",
        folder.display()
    );
    Ok(())
}

fn is_same(path: &Path, wanted: &[u8]) -> Result<()> {
    let found = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    ensure!(found == wanted, "{} is another file", path.display());
    Ok(())
}
