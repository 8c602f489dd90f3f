//! bpf-linker: the one in PATH if it fits, else our own in the cache.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::{Dyn, FileHeader};

use super::compiler::LLVM;
use super::tools;
use crate::{child, places};

pub const VERSION: &str = "0.13.0";
const NAME: &str = "bpf-linker";

fn folder() -> Result<PathBuf> {
    Ok(places::cache()?.join(format!("bpf-linker-{VERSION}")))
}

/// The folder of the first bpf-linker that fits, or the reason why each one does not.
pub fn find() -> Result<PathBuf, String> {
    // Ours is started by a script that sets the path of its libraries.
    let ours = || {
        Some((
            tools::bin().ok()?.join(NAME),
            folder().ok()?.join("bin").join(NAME),
        ))
    };
    let ours = ours().filter(|(start, _)| start.exists());
    let theirs = places::executables(NAME).map(|path| (path.clone(), path));
    let mut unfit = Vec::new();
    for (start, program) in ours.into_iter().chain(theirs) {
        match (examine(&start, &program), start.parent()) {
            (Ok(()), Some(bin)) => return Ok(bin.to_path_buf()),
            (Ok(()), None) => {}
            (Err(why), _) => unfit.push(format!("{}: {why:#}", start.display())),
        }
    }
    Err(if unfit.is_empty() {
        "there is no bpf-linker".into()
    } else {
        unfit.join("; ")
    })
}

/// Runs the linker, since its LLVM is a shared library that may be gone.
fn examine(start: &Path, program: &Path) -> Result<()> {
    let version = child::read(Command::new(start).arg("--version"))?;
    let version = version.split_whitespace().nth(1).unwrap_or_default();
    ensure!(
        version == VERSION,
        "its version is {version}, not {VERSION}"
    );
    let llvm = llvm_major(&fs::read(program)?).context("its LLVM is no shared library")?;
    ensure!(llvm == LLVM, "its LLVM is {llvm}, the compiler's is {LLVM}");
    Ok(())
}

/// The LLVM major version that a program is linked to: `22` if it needs `libLLVM.so.22.1`.
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

/// Builds bpf-linker into the cache.
pub fn install() -> Result<()> {
    let folder = folder()?;
    let prefix = llvm_prefix()?.with_context(|| format!("there is no libLLVM of LLVM {LLVM}"))?;
    let mut command = install_command(&folder, &prefix)?;
    child::without_our_crate(&mut command);
    command.env_remove("CARGO_TARGET_DIR");
    // Beside the final folder, so that an interrupted build resumes there.
    let target = places::cache()?.join("bpf-linker-build");
    command.arg("--target-dir").arg(&target);
    command.current_dir(places::cache()?);
    child::run(&mut command).context("build bpf-linker")?;
    let program = folder.join("bin").join(NAME);
    let start = tools::make_startable(&program)?;
    examine(&start, &program).context("the bpf-linker that was just built")?;
    fs::remove_dir_all(&target).with_context(|| format!("remove {}", target.display()))
}

fn install_command(root: &Path, llvm: &Path) -> Result<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.env("LLVM_PREFIX", llvm);
    // The path of libLLVM's own dependencies.
    let flag = format!("-Clink-arg=-Wl,-rpath-link,{}", tools::libraries()?);
    command.env("CARGO_ENCODED_RUSTFLAGS", flag);
    // The linker spends nearly all of its time in LLVM: optimising the rest takes a minute and
    // gains nothing.
    command
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false");
    command.args(["install", "bpf-linker", "--version", VERSION, "--locked"]);
    command.arg("--no-default-features");
    // On a terminal, cargo shows its progress.
    if !rustix::termios::isatty(std::io::stderr()) {
        command.arg("--quiet");
    }
    command.args(["--features", &format!("llvm-{LLVM}")]);
    command.arg("--root").arg(root);
    Ok(command)
}

/// A folder whose `lib` has `libLLVM.so`: the linker is built with nothing else.
pub fn llvm_prefix() -> Result<Option<PathBuf>> {
    let installed = PathBuf::from(format!("/usr/lib/llvm-{LLVM}"));
    if installed.join("lib/libLLVM.so").exists() {
        return Ok(Some(installed));
    }
    let root = tools::root()?;
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let is_it = |name: &str| name.starts_with(&format!("libLLVM.so.{LLVM}."));
    let entries = libraries.read_dir().into_iter().flatten().flatten();
    let library = entries.map(|entry| entry.path()).find(|path| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(is_it)
    });
    let Some(library) = library else {
        return Ok(None);
    };
    let prefix = root.join("llvm");
    let link = prefix.join("lib/libLLVM.so");
    if !link.exists() {
        fs::create_dir_all(prefix.join("lib")).context("make a folder for libLLVM")?;
        let _ = fs::remove_file(&link);
        symlink(&library, &link).with_context(|| format!("link {}", link.display()))?;
    }
    Ok(Some(prefix))
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
