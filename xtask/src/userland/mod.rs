//! Userland of guests: Debian with systemd as PID 1 on a disk of its own, made of packages without
//! root, and kept in the cache.

mod root;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::guest::build::Binaries;
use crate::guest::{self, Disk, Spec};
use crate::kernel::{self, Kernel};
use crate::places;
use crate::setup::progress::say;
use crate::setup::tools;
use crate::setup::{
    self,
    apt::{self, Apt},
};

/// Packages that make a host: those essential to Debian, which no package depends on, and systemd.
/// `--with` adds to these.
const BASE: &[&str] = &[
    "base-files",
    "base-passwd",
    "bash",
    "bsdutils",
    "coreutils",
    "dash",
    "dbus",
    "debianutils",
    "diffutils",
    "dpkg",
    "e2fsprogs",
    "findutils",
    "grep",
    "gzip",
    "hostname",
    "init-system-helpers",
    "iproute2",
    "kmod",
    "libc-bin",
    "login",
    "mawk",
    "mount",
    "ncurses-base",
    "ncurses-bin",
    "passwd",
    "perl-base",
    "procps",
    "sed",
    "systemd",
    "systemd-sysv",
    "sysvinit-utils",
    "tar",
    "udev",
    "util-linux",
];

/// Free space on the disk beside the packages.
const FREE_KIB: u64 = 2 << 20;

/// Installing packages under emulation takes minutes.
const TIMEOUT: Duration = Duration::from_secs(1800);

const CONFIGURE: &str = include_str!("configure.sh");

/// Modules that a guest needs to access its disk.
pub const MODULES: &[&str] = &["virtio_pci", "virtio_blk", "ext4"];

/// The disk with these packages beside the base; it is made on the first use.
pub fn disk(with: &[String], binaries: &Binaries) -> Result<PathBuf> {
    let mut names: Vec<&str> = BASE
        .iter()
        .copied()
        .chain(with.iter().map(String::as_str))
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut hasher = DefaultHasher::new();
    (&names, CONFIGURE).hash(&mut hasher);
    let folder = places::cache()?.join("userland");
    let disk = folder.join(format!("debian-{:016x}.disk", hasher.finish()));
    if disk.exists() {
        return Ok(disk);
    }
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let _lock = setup::lock()?;
    // Another process may have made the disk while we waited.
    if disk.exists() {
        return Ok(disk);
    }
    let scratch = tempfile::Builder::new()
        .prefix(".make-")
        .tempdir_in(&folder)?;
    let root = scratch.path().join("root");
    unpack(&names, &root)?;
    let new = scratch.path().join("disk");
    make_disk(&root, &new)?;
    fs::remove_dir_all(&root)?;
    configure(&new, binaries)?;
    fs::rename(&new, &disk).with_context(|| format!("put it at {}", disk.display()))?;
    Ok(disk)
}

fn unpack(names: &[&str], to: &Path) -> Result<()> {
    ensure!(
        apt::is_here(),
        "a userland is made of Debian's packages, and there is no apt here"
    );
    let mut apt = Apt::new()?;
    let unread = apt.refresh(tools::SUITES)?;
    if let Some((suite, why)) = unread.first() {
        anyhow::bail!("read the package index of {suite}: {why}");
    }
    let packages = apt.resolve(names, |_| false)?;
    say(&format!("making a userland of {} packages", packages.len()));
    let archives = apt.download(&packages)?;
    root::begin(to)?;
    for archive in archives {
        root::add(to, &archive)?;
        fs::remove_file(archive)?;
    }
    fs::write(to.join("configure.sh"), CONFIGURE)?;
    Ok(())
}

/// An ext4 file system with the content of `root`, and free space.
fn make_disk(root: &Path, disk: &Path) -> Result<()> {
    let used = crate::child::read(Command::new("du").args(["-sk"]).arg(root))?;
    let used = used
        .split_whitespace()
        .next()
        .and_then(|kib| kib.parse::<u64>().ok());
    let kib = used.context("how large is it")? + FREE_KIB;
    let mut mke2fs = tools::MKE2FS.command()?;
    // The disk is discarded after each use: a journal would only cost time.
    mke2fs.args([
        "-q",
        "-F",
        "-t",
        "ext4",
        "-O",
        "^has_journal",
        "-m",
        "0",
        "-d",
    ]);
    mke2fs.arg(root).arg(disk).arg(format!("{kib}k"));
    crate::child::read(&mut mke2fs)
        .context("make the disk of a userland")
        .map(drop)
}

/// Runs the packages' own scripts, in a guest.
fn configure(disk: &Path, binaries: &Binaries) -> Result<()> {
    say("configuring its packages in a guest, which takes some minutes once");
    let line = "mkdir /mnt && mount -t ext4 /dev/vda /mnt && \
                mount -t proc proc /mnt/proc && mount -o bind /dev /mnt/dev && \
                chroot /mnt /bin/sh /configure.sh >/dev/null; status=$?; \
                rm -f /mnt/configure.sh /mnt/setuid; \
                umount /mnt/dev /mnt/proc; umount /mnt || exit 1; sync; exit $status";
    let command = ["sh", "-c", line].map(Into::into).into();
    let series = kernel::DEFAULT.parse()?;
    let spec = Spec {
        timeout: Some(TIMEOUT),
        modules: MODULES.iter().map(|name| (*name).to_owned()).collect(),
        disk: Some(Disk {
            path: disk.to_owned(),
            keep: true,
        }),
        ..Spec::new(Kernel::find(&kernel::Choice::Series(series))?, command)
    };
    let ending = guest::run(&spec, binaries, guest::ours)?;
    ensure!(
        ending.status() == 0,
        "configuring the packages of a userland ended with {}",
        ending.status()
    );
    Ok(())
}
