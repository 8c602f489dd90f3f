//! The programs that are needed, and the Debian packages that have them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};

use crate::{child, places};

struct Program {
    name: &'static str,
    packages: &'static [&'static str],
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "cc",
        packages: &["gcc", "libc6-dev"],
    },
    Program {
        name: "curl",
        packages: &["curl", "ca-certificates"],
    },
    Program {
        name: "make",
        packages: &["make"],
    },
    Program {
        name: "qemu-system-x86_64",
        packages: &["qemu-system-x86"],
    },
    Program {
        name: "setpriv",
        packages: &["util-linux"],
    },
    Program {
        name: "tar",
        packages: &["tar"],
    },
    Program {
        name: "xz",
        packages: &["xz-utils"],
    },
];

/// Something to install: what it is for a person, and what it is for apt.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    pub what: String,
    pub packages: &'static [&'static str],
}

/// Everything but compiler, linker and kernels.
pub fn missing() -> Vec<Missing> {
    let mut missing: Vec<_> = PROGRAMS
        .iter()
        .filter(|program| places::executable(program.name).is_none())
        .map(|Program { name, packages }| Missing {
            what: (*name).into(),
            packages,
        })
        .collect();
    if busybox().is_none() {
        missing.push(Missing {
            what: "a static busybox".into(),
            packages: &["busybox-static"],
        });
    }
    missing
}

/// A busybox that runs in a guest, where there are no shared libraries.
pub fn busybox() -> Option<std::path::PathBuf> {
    let is_static = |path: &Path| fs::read(path).is_ok_and(|bytes| is_static(&bytes));
    ["busybox", "busybox.static"]
        .into_iter()
        .flat_map(places::executables)
        .find(|path| is_static(path))
}

fn is_static(program: &[u8]) -> bool {
    let Ok(header) = FileHeader64::<object::Endianness>::parse(program) else {
        return false;
    };
    let Ok(endian) = header.endian() else {
        return false;
    };
    let segments = header.program_headers(endian, program).unwrap_or_default();
    !segments.is_empty()
        && !segments
            .iter()
            .any(|segment| segment.p_type(endian) == PT_INTERP)
}

/// Whether packages can be installed without asking anyone.
pub fn can_install() -> bool {
    has_apt() && rustix::process::geteuid().is_root()
}

pub fn has_apt() -> bool {
    places::executable("apt-get").is_some()
}

/// Never takes a package away: what apt would remove (a `rustc` that conflicts with the one we
/// need, say) is somebody's.
pub const INSTALL: &[&str] = &[
    "install",
    "--assume-yes",
    "--no-install-recommends",
    "--no-remove",
];

/// How many bytes apt would download for `packages`; fetches its lists once if they lack one.
#[expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]
pub fn download_size(packages: &[&str]) -> Result<u64> {
    let ask = || {
        let mut apt = Command::new("apt-get");
        child::read(
            apt.args(INSTALL)
                .args(["--print-uris", "-qq"])
                .args(packages),
        )
    };
    let uris = match ask() {
        Ok(uris) => uris,
        Err(_) => {
            eprintln!("setup: apt's lists do not have all of it: apt-get update");
            child::read(Command::new("apt-get").args(["update", "-qq"]))?;
            ask().with_context(|| explain(packages))?
        }
    };
    Ok(uris.lines().filter_map(size_of).sum())
}

/// `'URI' FILE SIZE CHECKSUM`.
fn size_of(line: &str) -> Option<u64> {
    line.split_whitespace().nth(2)?.parse().ok()
}

/// What is most likely wrong where a package cannot be had.
fn explain(packages: &[&str]) -> String {
    let mut text = "apt cannot install what is needed".to_owned();
    if packages.contains(&"rustc-web") {
        text.push_str(
            " (rustc-web and llvm-22 are in the distribution's security suite, which must be in \
             the sources; Debian's rustc, cargo and rustup packages conflict with them)",
        );
    }
    text
}

pub fn install(packages: &[&str]) -> Result<()> {
    let mut apt = Command::new("apt-get");
    apt.args(INSTALL)
        .args(["-qq", "-o", "Dpkg::Use-Pty=0"])
        .args(packages);
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    let output = apt
        .output()
        .with_context(|| format!("start {}", child::line(&apt)))?;
    if !output.status.success() {
        bail!(
            "{}: {}",
            child::line(&apt),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_apt_prints() {
        let line = "'http://mirror.example/a%2bb.deb' a+b_1_all.deb 45012756 SHA256:00";
        assert_eq!(size_of(line), Some(45_012_756));
        assert_eq!(size_of("Reading package lists..."), None);
    }

    #[test]
    fn a_dynamic_program_is_not_static() {
        let ourselves = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(!is_static(&ourselves));
        assert!(!is_static(b"#!/bin/sh"));
    }
}
