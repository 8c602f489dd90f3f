//! bpf-linker: the one in PATH if it fits, else one of our own in the cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};
use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::{Dyn, FileHeader};

use super::compiler::LLVM;
use crate::{child, places};

pub const VERSION: &str = "0.13.0";

fn folder() -> Result<PathBuf> {
    Ok(places::cache()?.join(format!("bpf-linker-{VERSION}")))
}

/// The folder of a bpf-linker that works.
pub fn find() -> Result<Option<PathBuf>> {
    let ours = folder()?.join("bin");
    let theirs =
        places::executables("bpf-linker").filter_map(|path| path.parent().map(Path::to_path_buf));
    Ok(std::iter::once(ours)
        .chain(theirs)
        .find(|bin| fits(&bin.join("bpf-linker"))))
}

/// It is asked to run, since its LLVM is a shared library that may be gone.
fn fits(linker: &Path) -> bool {
    let version = linker
        .exists()
        .then(|| child::read(Command::new(linker).arg("--version")).ok())
        .flatten()
        .unwrap_or_default();
    version.split_whitespace().nth(1) == Some(VERSION)
        && fs::read(linker).is_ok_and(|bytes| llvm_major(&bytes) == Some(LLVM))
}

/// The LLVM that a program is linked to: `22` for one that needs `libLLVM.so.22.1`.
fn llvm_major(program: &[u8]) -> Option<u32> {
    let header = FileHeader64::<Endianness>::parse(program).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, program).ok()?;
    let (entries, strings) = sections.dynamic(endian, program).ok()??;
    let strings = sections.strings(endian, program, strings).ok()?;
    entries
        .iter()
        .filter(|entry| entry.d_tag(endian) == u64::from(DT_NEEDED))
        .filter_map(|entry| entry.string(endian, strings).ok())
        .filter_map(|name| std::str::from_utf8(name).ok()?.strip_prefix("libLLVM.so."))
        .find_map(|version| version.split('.').next()?.parse().ok())
}

/// Builds it into the cache.
pub fn install() -> Result<()> {
    let folder = folder()?;
    let mut command = install_command(&folder);
    // What cargo tells this program must not reach another package's build.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.env_remove("CARGO_TARGET_DIR");
    command.current_dir(places::cache()?);
    child::run(&mut command).context("build bpf-linker")?;
    anyhow::ensure!(
        fits(&folder.join("bin/bpf-linker")),
        "the bpf-linker just built in {} does not run or is not linked to LLVM {LLVM}",
        folder.display()
    );
    Ok(())
}

fn install_command(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Left to itself the build finds the headers but not the library.
    if let Some(prefix) = llvm_prefix() {
        command.env("LLVM_PREFIX", prefix);
    }
    command.args([
        "install",
        "bpf-linker",
        "--version",
        VERSION,
        "--locked",
        "--quiet",
    ]);
    command.args([
        "--no-default-features",
        "--features",
        &format!("llvm-{LLVM}"),
    ]);
    command.arg("--root").arg(root);
    command
}

/// Where LLVM with its headers is installed.
pub fn llvm_prefix() -> Option<PathBuf> {
    let debian = PathBuf::from(format!("/usr/lib/llvm-{LLVM}"));
    if debian.join("bin/llvm-config").exists() {
        return Some(debian);
    }
    [format!("llvm-config-{LLVM}"), "llvm-config".into()]
        .iter()
        .find_map(|name| {
            let config = places::executable(name)?;
            let version = child::read(Command::new(&config).arg("--version")).ok()?;
            let prefix = child::read(Command::new(&config).arg("--prefix")).ok()?;
            version
                .starts_with(&format!("{LLVM}."))
                .then(|| PathBuf::from(prefix.trim()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_llvm_where_there_is_none() {
        let ourselves = fs::read(env::current_exe().unwrap()).unwrap();
        assert_eq!(llvm_major(&ourselves), None);
        assert_eq!(llvm_major(b"#!/bin/sh"), None);
    }
}
