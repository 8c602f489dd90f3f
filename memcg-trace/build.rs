//! Builds the eBPF side and hands the object to the live source.
//!
//! It needs another compiler than this crate: `cargo xtask setup` finds or installs it and
//! leaves its place in the user's cache folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use object::build::elf::{Builder, SectionData};

const TARGET: &str = "bpfel-unknown-none";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_LIVE").is_none() {
        return;
    }
    if let Err(error) = build() {
        println!("cargo::error={error}");
    }
}

fn build() -> Result<(), String> {
    let toolchain = toolchain()?;
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("no manifest folder")?);
    let root = manifest.parent().ok_or("the crate has no parent folder")?;
    let (source, common) = (
        root.join("memcg-trace-ebpf"),
        root.join("memcg-trace-common"),
    );
    for watched in ["src", "Cargo.toml", "Cargo.lock"]
        .map(|name| source.join(name))
        .iter()
        .chain(&[common.join("src"), common.join("Cargo.toml")])
    {
        println!("cargo::rerun-if-changed={}", watched.display());
    }
    let target = root.join("target/ebpf");
    let mut command = cargo(&toolchain)?;
    command
        .current_dir(&source)
        .arg("build")
        .args(["--release", "--locked", "--target", TARGET]);
    command.arg("--target-dir").arg(&target);
    if toolchain.get("build_std").map(String::as_str) == Some("yes") {
        command.args(["-Z", "build-std=core"]);
    }
    let output = command
        .output()
        .map_err(|error| format!("run {command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "build memcg-trace-ebpf: {}",
            String::from_utf8_lossy(&output.stderr).replace('\n', "\ncargo::error=")
        ));
    }
    let object = target.join(TARGET).join("release/memcg-trace");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no output folder")?);
    let stripped = fs::read(&object)
        .map_err(|error| error.to_string())
        .and_then(|bytes| without_dwarf(&bytes).map_err(|error| error.to_string()))
        .map_err(|error| format!("strip {}: {error}", object.display()))?;
    let copy = out.join("memcg-trace.bpf.o");
    fs::write(&copy, stripped).map_err(|error| format!("write {}: {error}", copy.display()))
}

/// The object without DWARF, which is nine tenths of it: the compiler makes BTF only together with
/// that, and each start of the program would read it.
fn without_dwarf(object: &[u8]) -> Result<Vec<u8>, object::build::Error> {
    let mut builder = Builder::read(object)?;
    for section in &mut builder.sections {
        let name = section.name.as_slice();
        section.delete = name.starts_with(b".debug_") || name.starts_with(b".rel.debug_");
    }
    // The linker keeps names of sections and of symbols in one table.
    let names = builder.sections.add();
    names.name = b".shstrtab"[..].into();
    names.sh_type = object::elf::SHT_STRTAB;
    names.data = SectionData::SectionString;
    let mut stripped = Vec::new();
    builder.write(&mut stripped)?;
    Ok(stripped)
}

/// What `cargo xtask setup` wrote down.
fn toolchain() -> Result<HashMap<String, String>, String> {
    println!("cargo::rerun-if-env-changed=XDG_CACHE_HOME");
    println!("cargo::rerun-if-env-changed=HOME");
    let folder = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = folder("XDG_CACHE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".cache")))
        .ok_or("neither XDG_CACHE_HOME nor HOME is set")?;
    let file = cache.join("memcg-trace/ebpf-toolchain");
    println!("cargo::rerun-if-changed={}", file.display());
    let text = fs::read_to_string(&file).map_err(|_| {
        "the eBPF toolchain is not set up: run `cargo xtask setup` (or build with \
         --no-default-features for a binary that only replays recordings)"
            .to_owned()
    })?;
    Ok(text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect())
}

/// The other compiler's cargo, in an environment without traces of this one's.
fn cargo(toolchain: &HashMap<String, String>) -> Result<Command, String> {
    let get = |key: &str| {
        toolchain
            .get(key)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| {
                format!("the eBPF toolchain's file lacks `{key}`: run `cargo xtask setup` again")
            })
    };
    let mut command = Command::new(Path::new(get("cargo")?));
    for (name, _) in env::vars_os() {
        let known = name.to_string_lossy();
        let outer = known.starts_with("CARGO_") || known.starts_with("RUSTUP_");
        let rust = known == "CARGO" || known.starts_with("RUSTC") || known.starts_with("RUSTDOC");
        // Where crates are kept is the same for both.
        if (outer || rust || known == "RUSTFLAGS")
            && known != "CARGO_HOME"
            && known != "RUSTUP_HOME"
            && !known.starts_with("CARGO_NET_")
            && !known.starts_with("CARGO_REGISTR")
            && !known.starts_with("CARGO_SOURCE_")
            && !known.starts_with("CARGO_HTTP_")
        {
            command.env_remove(name);
        }
    }
    command
        .env("PATH", get("path")?)
        // `asm!` for this target, and build-std where it is used, are unstable.
        .env("RUSTC_BOOTSTRAP", "1")
        // Without BTF of its own an object loads, too, but tail calls in it fail on 6.1 and 6.12.
        .env("RUSTFLAGS", "-C debuginfo=2 -C link-arg=--btf");
    if let Ok(toolchain) = get("toolchain") {
        command.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    Ok(command)
}
