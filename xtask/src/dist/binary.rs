//! The binary: one static program, without symbols, with the eBPF object inside.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use object::elf::{EM_BPF, FileHeader64, PT_INTERP, SHT_SYMTAB};
use object::read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _};

use crate::{child, places};

const PROFILE: &str = "dist";
const MAGIC: &[u8] = b"\x7fELF";

/// The folder of the binary.
pub fn folder() -> Result<PathBuf> {
    Ok(places::target()?.join(places::TARGET).join(PROFILE))
}

pub fn build() -> Result<PathBuf> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(places::repository()?);
    command.args(["build", "--locked", "--profile", PROFILE]);
    command.args(["--package", "memcg-trace", "--target", places::TARGET]);
    // This variable takes precedence over all other flags. Messages of panics name source files:
    // without the home folder of whoever builds.
    let home = env::var("HOME").context("HOME is not set")?;
    let flags = format!("-Ctarget-feature=+crt-static\x1f--remap-path-prefix={home}=~");
    command.env("CARGO_ENCODED_RUSTFLAGS", flags);
    child::run(&mut command).context("build the binary")?;
    let binary = folder()?.join("memcg-trace");
    examine(&binary).with_context(|| format!("{}", binary.display()))?;
    Ok(binary)
}

/// Checks that a program needs no other file, and has no symbols.
pub fn examine(program: &Path) -> Result<()> {
    let bytes = fs::read(program)?;
    let header = FileHeader64::<object::Endianness>::parse(&*bytes)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, &*bytes)?;
    let mut kinds = segments.iter().map(|segment| segment.p_type(endian));
    ensure!(kinds.all(|kind| kind != PT_INTERP), "it is not static");
    let sections = header.section_headers(endian, &*bytes)?;
    let mut kinds = sections.iter().map(|section| section.sh_type(endian));
    ensure!(kinds.all(|kind| kind != SHT_SYMTAB), "it is not stripped");
    ensure!(has_ebpf(&bytes), "the eBPF object is not inside");
    Ok(())
}

/// Whether there is an ELF file for eBPF within these bytes.
fn has_ebpf(bytes: &[u8]) -> bool {
    let machine = EM_BPF.to_le_bytes();
    let mut starts = bytes.windows(20).filter(|start| start.starts_with(MAGIC));
    starts.any(|start| start[18..20] == machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_not_for_giving_away() {
        let error = examine(&env::current_exe().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "it is not stripped");
        assert!(!has_ebpf(&fs::read("/proc/self/exe").unwrap()));
    }
}
