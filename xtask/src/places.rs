//! Paths: the repository, what is built for guests, and the user's cache.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The target of everything that is built here, as in `.cargo/config.toml`.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The root of the repository.
pub fn repository() -> Result<PathBuf> {
    // Read at run time: the clone may have been moved since xtask was built.
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .context("CARGO_MANIFEST_DIR is not set: start this program as `cargo xtask`")?;
    let root = Path::new(&manifest)
        .parent()
        .context("xtask has no parent folder")?;
    Ok(root.to_path_buf())
}

/// The folder of the binaries that people run and guests have.
pub fn release() -> Result<PathBuf> {
    Ok(target()?.join(TARGET).join("release"))
}

/// The folder in which test modules are built.
pub fn modules() -> Result<PathBuf> {
    Ok(target()?.join("module"))
}

pub fn target() -> Result<PathBuf> {
    let root = repository()?;
    // A relative CARGO_TARGET_DIR is relative to where cargo was started, not to the repository.
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => Ok(env::current_dir()?.join(folder)),
        None => Ok(root.join("target")),
    }
}

/// The folder of what was downloaded or built once for all clones of this user.
pub fn cache() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => {
            let home = env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?;
            Path::new(&home).join(".cache")
        }
    };
    ensure!(
        base.is_absolute(),
        "the cache folder {} is not an absolute path",
        base.display()
    );
    Ok(base.join("memcg-trace"))
}

/// The first executable of that name in PATH.
pub fn executable(name: &str) -> Option<PathBuf> {
    executables(name).next()
}

/// All executables of that name in PATH, in its order; `/usr/sbin` and `/sbin` may be missing in
/// PATH.
pub fn executables(name: &str) -> impl Iterator<Item = PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let name = name.to_owned();
    folders
        .into_iter()
        .map(move |folder| folder.join(&name))
        .filter(|path| {
            path.metadata()
                .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        })
}
