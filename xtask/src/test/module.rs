//! Test modules: they create states that a stock kernel does not have, and are built for each
//! kernel with its own headers.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};

use crate::kernel::Series;
use crate::setup::tools;
use crate::{child, places};

/// Names of the sources, without `.c`.
const MODULES: &[&str] = &["css_ref", "holds", "locks", "objects", "shrinkers", "works"];

/// Replaces `modpost`, where that does not run: a kernel without symbol versions needs only this
/// from it.
const MODPOST: &str = r#"#!/bin/sh
cat >@NAME@.mod.c <<END
#include <linux/module.h>

MODULE_INFO(name, KBUILD_MODNAME);
MODULE_INFO(depends, "");

__visible struct module __this_module __section(".gnu.linkonce.this_module") = {
	.name = KBUILD_MODNAME,
	.init = init_module,
	.exit = cleanup_module,
	.arch = MODULE_ARCH_INIT,
};
END
: >Module.symvers
"#;

/// Configuration that asks for programs or compiler flags that are not needed to load the module:
/// those of a newer system do not run here.
const WITHOUT: &[&str] = &[
    "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=",
    "CONFIG_MITIGATION_RETHUNK=",
    "CONFIG_OBJTOOL=",
];

/// Builds the modules, unless they are built.
pub fn build(series: &Series) -> Result<Vec<PathBuf>> {
    let modules = MODULES.iter().map(|name| {
        build_one(series, name).with_context(|| format!("build the test module {name}"))
    });
    modules.collect()
}

fn build_one(series: &Series, name: &str) -> Result<PathBuf> {
    let headers = series.headers()?;
    let flavour = flavour(&headers.join("src"))
        .with_context(|| format!("there are no headers in {}", headers.display()))?;
    // A folder for each kernel: another kernel would not load the module.
    let release = flavour.file_name().context("headers without a name")?;
    let folder = places::modules()?.join(release).join(name);
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let source = places::repository()?.join(format!("xtask/guest/module/{name}.c"));
    let source = fs::read(&source).with_context(|| format!("read {}", source.display()))?;
    let is_same = |file: &Path, text: &[u8]| fs::read(file).is_ok_and(|old| old == text);
    let [file, module] = ["c", "ko"].map(|suffix| folder.join(format!("{name}.{suffix}")));
    if is_same(&file, &source) && module.exists() {
        return Ok(module);
    }
    fs::write(folder.join("Makefile"), format!("obj-m := {name}.o\n"))?;
    fs::write(&file, &source)?;
    let first = make(&flavour, &module, &[]);
    let Err(error) = first else {
        return Ok(module);
    };
    let config = fs::read_to_string(flavour.join(".config")).unwrap_or_default();
    if config.contains("CONFIG_MODVERSIONS=y") {
        return Err(error);
    }
    let modpost = folder.join("modpost.sh");
    fs::write(&modpost, MODPOST.replace("@NAME@", name))?;
    // Newer makefiles require this file to exist, and all of them run it.
    fs::set_permissions(&modpost, fs::Permissions::from_mode(0o755))?;
    let modpost = format!("MODPOST={}", modpost.display());
    let without: Vec<_> = WITHOUT.iter().copied().chain([&*modpost]).collect();
    make(&flavour, &module, &without)?;
    Ok(module)
}

fn make(flavour: &Path, module: &Path, more: &[&str]) -> Result<()> {
    let _ = fs::remove_file(module);
    let folder = module.parent().context("a module without a folder")?;
    let mut make = tools::MAKE.command()?;
    // The folder of the compiler and of the programs that it starts, if this machine has none.
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::split_paths(&path).chain([tools::bin()?]);
    make.env("PATH", env::join_paths(path)?);
    make.arg("-C").arg(flavour);
    make.arg(format!("M={}", folder.display()));
    // This machine's compiler, not the one that the kernel was built with. There is no BTF, which
    // would need the kernel's image and pahole.
    make.args(["CC=gcc", "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules"])
        .args(more);
    // Settings of cargo and its caller for make are not meant for this make.
    for name in ["MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS"] {
        make.env_remove(name);
    }
    child::read(&mut make).context("build a module").map(drop)
}

/// The folder of the kernel's own headers, beside the folder that all flavours share.
fn flavour(src: &Path) -> Option<PathBuf> {
    let mut entries = src.read_dir().ok()?.flatten().map(|entry| entry.path());
    entries.find(|path| path.join("Module.symvers").exists())
}
