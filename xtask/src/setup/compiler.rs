//! A compiler for the eBPF side: one whose LLVM is the linker's and that has `core` for the BPF
//! target, either built or as source.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::tools;
use crate::{child, places};

/// The major version of LLVM that compiler and linker must share: the linker reads the compiler's
/// bitcode, and fails with `Invalid record` on bitcode of a newer version.
pub const LLVM: u32 = 22;

const TARGET: &str = "bpfel-unknown-none";

/// A compiler that can build the eBPF side.
#[derive(Debug, PartialEq, Eq)]
pub struct Compiler {
    /// The folder that has its `rustc` and `cargo`.
    pub bin: PathBuf,
    /// Whether `core` must be built from source.
    pub build_std: bool,
    /// The name of the rustup toolchain, if it is one.
    pub toolchain: Option<String>,
}

/// The first compiler that fits, or the reason why each one does not.
pub fn find() -> Result<Compiler, String> {
    let mut unfit = Vec::new();
    for (bin, toolchain) in candidates() {
        match examine(&bin) {
            Ok(build_std) => {
                return Ok(Compiler {
                    bin,
                    build_std,
                    toolchain,
                });
            }
            Err(why) => unfit.push(format!("{}: {why:#}", bin.join("rustc").display())),
        }
    }
    Err(if unfit.is_empty() {
        "there is no rustc at all".into()
    } else {
        unfit.join("; ")
    })
}

/// Candidates: ours first, since nobody else changes it, then the system's, then rustup's.
fn candidates() -> Vec<(PathBuf, Option<String>)> {
    let ours = tools::bin().map(|bin| bin.join("rustc"));
    let of_system = ours
        .into_iter()
        .chain(places::executables("rustc"))
        .chain([PathBuf::from("/usr/bin/rustc")])
        .filter(|rustc| rustc.exists() && !is_rustup_proxy(rustc))
        .filter_map(|rustc| Some((rustc.parent()?.to_path_buf(), None)));
    let of_rustup = child::read(Command::new("rustup").args(["toolchain", "list", "--verbose"]))
        .map(|list| rustup_toolchains(&list))
        .unwrap_or_default()
        .into_iter()
        .map(|(name, folder)| (folder.join("bin"), Some(name)));
    let mut candidates: Vec<(PathBuf, Option<String>)> = Vec::new();
    for (bin, toolchain) in of_system.chain(of_rustup) {
        // /bin is often a link to /usr/bin.
        let bin = bin.canonicalize().unwrap_or(bin);
        if !candidates.iter().any(|(other, _)| *other == bin) {
            candidates.push((bin, toolchain));
        }
    }
    candidates
}

/// Returns whether a `rustc` is rustup's: a link to rustup or a copy of it, beside it either way.
fn is_rustup_proxy(rustc: &Path) -> bool {
    rustc.with_file_name("rustup").exists()
}

/// The toolchains in lines of `NAME [(active, default)] /FOLDER`.
fn rustup_toolchains(list: &str) -> Vec<(String, PathBuf)> {
    let parse = |line: &str| {
        let name = line.split_whitespace().next()?;
        let folder = line.find(" /").or_else(|| line.find("\t/"))?;
        Some((
            name.to_owned(),
            PathBuf::from(line.get(folder + 1..)?.trim()),
        ))
    };
    list.lines().filter_map(parse).collect()
}

/// Returns whether `core` must be built, or the reason why the compiler does not fit.
fn examine(bin: &Path) -> Result<bool> {
    let rustc = bin.join("rustc");
    let version = child::read(Command::new(&rustc).arg("-vV"))?;
    let llvm = llvm_major(&version).context("it does not say its LLVM version")?;
    anyhow::ensure!(llvm == LLVM, "its LLVM is {llvm}, the linker's is {LLVM}");
    anyhow::ensure!(bin.join("cargo").exists(), "there is no cargo beside it");
    let sysroot = child::read(Command::new(&rustc).args(["--print", "sysroot"]))?;
    let rustlib = Path::new(sysroot.trim()).join("lib/rustlib");
    if has_core(&rustlib.join(TARGET).join("lib")) {
        return Ok(false);
    }
    let source = rustlib.join("src/rust/library/core/Cargo.toml");
    anyhow::ensure!(
        source.exists(),
        "it has neither core for {TARGET} nor rust-src"
    );
    Ok(true)
}

fn has_core(folder: &Path) -> bool {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| {
        let name = name.to_string_lossy();
        name.starts_with("libcore-") && name.ends_with(".rlib")
    })
}

fn llvm_major(version: &str) -> Option<u32> {
    let line = version
        .lines()
        .find_map(|line| line.strip_prefix("LLVM version: "))?;
    line.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn llvm_of_rustc() {
        let version = "rustc 1.96.0\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        assert_eq!(llvm_major(version), Some(22));
        assert_eq!(llvm_major("rustc 1.96.0\n"), None);
    }

    #[test]
    fn toolchains_of_rustup() {
        let list = "stable-x86_64 (active, default) /home/a b/.rustup/toolchains/stable\n\
            mine /opt/mine\n\
            no toolchains\n";
        let found = rustup_toolchains(list);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].1, Path::new("/home/a b/.rustup/toolchains/stable"));
        assert_eq!(found[1], ("mine".into(), "/opt/mine".into()));
    }
}
