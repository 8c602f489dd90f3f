//! Kernels that guests boot: the tested series, and their files in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};

use crate::places;

/// A series of stable kernels, and the place where Debian has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Series {
    pub name: &'static str,
    /// Suites that may have the series; the newest version of all of them is taken.
    pub suites: &'static [&'static str],
    /// Names of the packages: prefix and suffix around the version. The first has the kernel.
    pub packages: &'static [(&'static str, &'static str)],
    /// Size of the download, which is shown before it starts.
    pub approximate_mb: u64,
    /// Whether the memory controller of cgroup version 1 is built in.
    pub has_v1: bool,
    /// Whether its modules are available, too.
    pub has_modules: bool,
}

/// All series, oldest first.
pub const SERIES: &[Series] = &[
    Series {
        name: "5.10",
        suites: &["bullseye", "bullseye-security"],
        packages: &[("linux-image-", "-cloud-amd64")],
        approximate_mb: 21,
        has_v1: true,
        has_modules: true,
    },
    Series {
        name: "6.1",
        suites: &["bookworm", "bookworm-security"],
        packages: &[("linux-image-", "-cloud-amd64-unsigned")],
        approximate_mb: 27,
        has_v1: true,
        has_modules: true,
    },
    Series {
        name: "6.12",
        suites: &["bookworm-backports", "bookworm-security"],
        packages: &[("linux-image-", "-cloud-amd64")],
        approximate_mb: 34,
        has_v1: false,
        has_modules: true,
    },
    Series {
        name: "7.2",
        suites: &["trixie-backports"],
        // The kernel, its modules, and the list of built-in modules.
        packages: &[
            ("linux-binary-", "-cloud-amd64"),
            ("linux-modules-", "-cloud-amd64"),
            ("linux-base-", "-cloud-amd64"),
        ],
        approximate_mb: 52,
        has_v1: false,
        has_modules: true,
    },
];

/// One version, only for tests of [`crate::test`] that need it: there, removing a cgroup waits for
/// its dying tasks, even if one of them waits for the remover.
pub const REAP_DEADLOCK: Series = Series {
    name: "7.0.4",
    suites: &["trixie-backports"],
    // The packages of its modules are no longer in the archive.
    packages: &[("linux-binary-", "-cloud-amd64")],
    approximate_mb: 14,
    has_v1: false,
    has_modules: false,
};

/// The tested series, and the one that is only for some tests.
pub fn all() -> impl Iterator<Item = &'static Series> {
    SERIES.iter().chain([&REAP_DEADLOCK])
}

/// The default kernel of guests: the newest series on which the demo loses next to nothing. Later
/// ones see frees by a kprobe, which skips events while another kprobe program runs, and since 7.0
/// tracepoint programs are skipped, too.
pub const DEFAULT: &str = "6.1";

impl Series {
    /// The kernel's folder in the cache. It is renamed into place, so it is either complete or
    /// missing.
    pub fn folder(&self) -> Result<PathBuf> {
        Ok(places::cache()?.join("kernels").join(self.name))
    }

    /// The folder of the headers with which modules are built, likewise renamed into place. Only
    /// tests need it.
    pub fn headers(&self) -> Result<PathBuf> {
        Ok(self.folder()?.join("headers"))
    }

    pub fn is_cached(&self) -> Result<bool> {
        Ok(self.folder()?.join("vmlinuz").exists())
    }
}

impl FromStr for &'static Series {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let names: Vec<_> = all().map(|series| series.name).collect();
        all()
            .find(|series| series.name == name)
            .with_context(|| format!("no kernel series {name:?}: there are {}", names.join(", ")))
    }
}

/// The value of `--kernel`.
#[derive(Clone, Debug)]
pub enum Choice {
    Series(&'static Series),
    Path(PathBuf),
}

impl FromStr for Choice {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(series) = text.parse() {
            return Ok(Self::Series(series));
        }
        let path = Path::new(text);
        if path.is_file() {
            return Ok(Self::Path(path.to_path_buf()));
        }
        let names: Vec<_> = all().map(|series| series.name).collect();
        bail!(
            "{text:?} is neither a series ({}) nor a kernel image's path",
            names.join(", ")
        )
    }
}

/// A kernel that can be booted.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The name for people: the series, or the path.
    pub name: String,
    pub image: PathBuf,
    /// The folder with `kernel/` and `modules.builtin`, if there is one.
    pub modules: Option<PathBuf>,
}

impl Kernel {
    pub fn find(choice: &Choice) -> Result<Self> {
        match choice {
            Choice::Series(series) => {
                let folder = series.folder()?;
                ensure!(
                    series.is_cached()?,
                    "kernel {} is not in {}: run `cargo xtask setup`",
                    series.name,
                    folder.display()
                );
                Ok(Self {
                    name: series.name.into(),
                    image: folder.join("vmlinuz"),
                    modules: series.has_modules.then(|| folder.join("modules")),
                })
            }
            Choice::Path(image) => {
                let image = fs::canonicalize(image)
                    .with_context(|| format!("find kernel {}", image.display()))?;
                let modules = modules_beside(&image);
                Ok(Self {
                    name: image.display().to_string(),
                    image,
                    modules,
                })
            }
        }
    }
}

/// The folder where packages put the modules of `…/lib/modules/VERSION/vmlinuz` or
/// `…/boot/vmlinuz-VERSION`.
fn modules_beside(image: &Path) -> Option<PathBuf> {
    let folder = image.parent()?;
    let version = image
        .file_name()?
        .to_str()?
        .strip_prefix("vmlinuz-")
        .unwrap_or_default();
    let above = folder.parent()?;
    [
        folder.to_path_buf(),
        above.join("lib/modules").join(version),
        above.join("usr/lib/modules").join(version),
    ]
    .into_iter()
    .find(|folder| folder.join("kernel").is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_in_both_layouts() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let modules = root.join("lib/modules/6.1.0-1");
        fs::create_dir_all(modules.join("kernel")).unwrap();
        assert_eq!(
            modules_beside(&root.join("boot/vmlinuz-6.1.0-1")),
            Some(modules.clone())
        );
        assert_eq!(modules_beside(&modules.join("vmlinuz")), Some(modules));
        assert_eq!(modules_beside(&root.join("boot/vmlinuz-6.1.0-2")), None);
    }

    #[test]
    fn the_default_is_a_series() {
        assert!(DEFAULT.parse::<&Series>().is_ok());
        assert!(
            "6.2"
                .parse::<&Series>()
                .unwrap_err()
                .to_string()
                .contains("6.12")
        );
    }
}
