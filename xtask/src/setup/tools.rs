//! Programs that xtask starts: this machine's where they fit, else from packages that are unpacked
//! into the user's cache and used from there.

use std::fmt::Display;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};

use super::apt::{Apt, Package};
use super::{progress, unpack};
use crate::{child, places};

/// The suites of the packages, whatever release this machine has: the packages include all their
/// libraries except libc, and a newer libc runs older programs.
pub const SUITES: &[&str] = &["bookworm", "bookworm-security"];

/// A program, and the packages that have it and the programs that it starts.
#[derive(Debug)]
pub struct Tool {
    pub name: &'static str,
    pub packages: &'static [&'static str],
    /// Paths of the program in the packages, and of others that have to be startable.
    programs: &'static [&'static str],
}

pub const QEMU: Tool = Tool {
    name: "qemu-system-x86_64",
    packages: &["qemu-system-x86"],
    programs: &["usr/bin/qemu-system-x86_64"],
};
pub const BUSYBOX: Tool = Tool {
    name: "busybox",
    packages: &["busybox-static"],
    programs: &["bin/busybox"],
};
/// For modules, on kernels that cannot decompress them, and for kernels.
pub const XZ: Tool = Tool {
    name: "xz",
    packages: &["xz-utils"],
    programs: &["usr/bin/xz"],
};
/// For kernels whose BTF is read.
pub const ZSTD: Tool = Tool {
    name: "zstd",
    packages: &["zstd"],
    programs: &["usr/bin/zstd"],
};
/// The same.
pub const LZ4: Tool = Tool {
    name: "lz4",
    packages: &["lz4"],
    programs: &["usr/bin/lz4"],
};
/// For disks.
pub const MKE2FS: Tool = Tool {
    name: "mke2fs",
    packages: &["e2fsprogs"],
    programs: &["sbin/mke2fs"],
};
/// For test modules.
pub const MAKE: Tool = Tool {
    name: "make",
    packages: &["make"],
    programs: &["usr/bin/make"],
};
/// For test modules.
pub const GCC: Tool = Tool {
    name: "gcc",
    packages: &["gcc"],
    programs: &[
        "usr/bin/gcc",
        "usr/bin/ar",
        "usr/bin/as",
        "usr/bin/ld",
        "usr/bin/nm",
        "usr/bin/objcopy",
        "usr/bin/objdump",
        "usr/bin/readelf",
        "usr/bin/strip",
    ],
};
/// For alerts.
pub const PROMTOOL: Tool = Tool {
    name: "promtool",
    packages: &["prometheus"],
    programs: &["usr/bin/promtool"],
};
/// A Rust compiler for eBPF; [`super::compiler`] looks for it.
pub const RUSTC: Tool = Tool {
    name: "rustc",
    packages: &["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"],
    programs: &["usr/bin/rustc", "usr/bin/cargo"],
};

/// Tools that a guest needs.
pub const OF_GUESTS: &[Tool] = &[QEMU, BUSYBOX, XZ];
/// Tools that unpack kernels.
pub const OF_IMAGES: &[Tool] = &[XZ, ZSTD, LZ4];
/// Additional tools to make a userland.
pub const OF_USERLAND: &[Tool] = &[MKE2FS];
/// Tools to build test modules.
pub const OF_MODULES: &[Tool] = &[MAKE, GCC];

/// Dependencies that nothing here runs. This machine has libc.
const NOT_NEEDED: &[&str] = &[
    "adduser",
    "debconf",
    "dpkg",
    "icu-devtools",
    "iso-codes",
    "libaudit",
    "libc-bin",
    "libc6",
    "libclang-cpp",
    "libffi-dev",
    "libicu-dev",
    "libncurses-dev",
    "libpam",
    "libpython",
    "libsemanage",
    "libsepol",
    "libxml2-dev",
    "libz3-dev",
    "media-types",
    "ncurses-bin",
    "passwd",
    "perl",
    "python3",
    "readline-common",
    "tar",
];
/// Packages that only a C compiler needs: xtask could not have been built without one, so this
/// machine has one, though not always with the name gcc.
const OF_GCC: &[&str] = &[
    "binutils",
    "cpp",
    "gcc",
    "libasan",
    "libbinutils",
    "libc-dev",
    "libcc1",
    "libcrypt-dev",
    "libctf",
    "libgcc-12-dev",
    "libgprofng",
    "libisl",
    "libitm",
    "liblsan",
    "libmpc3",
    "libmpfr",
    "libnsl-dev",
    "libquadmath",
    "libtirpc",
    "libtsan",
    "libubsan",
    "linux-libc-dev",
    "rpcsvc-proto",
];

impl Tool {
    /// The path of the program: this machine's if it fits, else the one in the cache.
    pub fn find(&self) -> Option<PathBuf> {
        let ours = bin().ok()?.join(self.name);
        // A guest has no shared libraries.
        let fits = |path: &PathBuf| self.name != BUSYBOX.name || is_static(path);
        // Folders that an ordinary user's PATH may not have.
        let system = ["/usr/sbin", "/sbin"].map(|folder| Path::new(folder).join(self.name));
        let system = system.into_iter().filter(|path| path.exists());
        let here = places::executables(self.name).chain(system).find(fits);
        here.or_else(|| Some(ours).filter(|path| path.exists()))
    }

    /// A command that starts the program.
    pub fn command(&self) -> Result<Command> {
        let path = self.find();
        let path = path.with_context(|| format!("no {}: run `cargo xtask setup`", self.name))?;
        Ok(Command::new(path))
    }

    /// Makes the programs of the tool startable.
    fn install(&self) -> Result<()> {
        for program in self.programs {
            make_startable(&root()?.join(program))?;
        }
        if self.name == RUSTC.name {
            // gcc starts this machine's linker.
            let cc = places::executable("cc").context("there is no C compiler (cc) in PATH")?;
            let cc = child::quote(cc.as_os_str());
            let line = format!("unset LD_LIBRARY_PATH\nexec {cc} \"$@\"");
            script(&bin()?.join("cc"), &line)?;
        }
        Ok(())
    }
}

/// The root folder of unpacked packages.
pub fn root() -> Result<PathBuf> {
    Ok(places::cache()?.join("tools"))
}

/// The folder of the startable programs.
pub fn bin() -> Result<PathBuf> {
    Ok(root()?.join("start"))
}

/// The folders of the libraries of those programs.
pub fn libraries() -> Result<String> {
    let root = root()?;
    let root = root.display();
    Ok(format!(
        "{root}/usr/lib/x86_64-linux-gnu:{root}/lib/x86_64-linux-gnu"
    ))
}

/// Puts a program into [`bin`]: a static one itself, another one as a script that sets the path of
/// its libraries. The script sets the path for that program alone: this machine's own programs must
/// not use those libraries.
pub fn make_startable(program: &Path) -> Result<PathBuf> {
    let name = program.file_name().context("a program without a name")?;
    let start = bin()?.join(name);
    if is_static(program) {
        let _ = fs::remove_file(&start);
        symlink(program, &start).with_context(|| format!("link {}", start.display()))?;
        return Ok(start);
    }
    let quoted = |path: &dyn Display| child::quote(path.to_string().as_ref());
    let libraries = quoted(&libraries()?);
    let mut line = format!(
        "LD_LIBRARY_PATH={libraries} exec {}",
        quoted(&program.display())
    );
    if name == QEMU.name {
        // QEMU looks for its firmware where it would have been installed.
        for folder in ["qemu", "seabios", "ipxe"] {
            let folder = root()?.join("usr/share").join(folder);
            line += &format!(" -L {}", quoted(&folder.display()));
        }
    }
    script(&start, &(line + " \"$@\""))?;
    Ok(start)
}

/// Writes a shell script, unless it exists.
fn script(path: &Path, line: &str) -> Result<()> {
    let text = format!("#!/bin/sh\n{line}\n");
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let new = path.with_extension("new");
    fs::write(&new, text).with_context(|| format!("write {}", new.display()))?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
    fs::rename(&new, path).with_context(|| format!("put it at {}", path.display()))
}

/// The packages of some tools and their dependencies, except those that are already unpacked.
pub fn packages(apt: &Apt, names: &[&str]) -> Result<Vec<Package>> {
    let with_gcc = names.contains(&"gcc");
    let is = |list: &[&str], name: &str| list.iter().any(|one| name.starts_with(one));
    let all = apt.resolve(names, |name| {
        is(NOT_NEEDED, name) || (!with_gcc && is(OF_GCC, name))
    })?;
    let root = root()?;
    let is_missing = |package: &Package| !mark(&root, package).exists();
    Ok(all.into_iter().filter(is_missing).collect())
}

/// Downloads and unpacks packages.
pub fn install(apt: &Apt, packages: &[Package], tools: &[&Tool]) -> Result<()> {
    let root = root()?;
    for folder in [root.join("packages"), bin()?] {
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    }
    let archives = apt.download(packages)?;
    progress::say(&format!("unpacking {} packages", packages.len()));
    for (package, archive) in packages.iter().zip(archives) {
        unpack::unpack(&archive, &[], &root)?;
        // A partly unpacked package has no mark, and is unpacked again.
        fs::write(mark(&root, package), "").context("note a package")?;
        fs::remove_file(&archive).with_context(|| format!("remove {}", archive.display()))?;
    }
    tools.iter().try_for_each(|tool| tool.install())
}

fn mark(root: &Path, package: &Package) -> PathBuf {
    let version = package.version.replace('/', "_");
    root.join("packages")
        .join(format!("{} {version}", package.name))
}

fn is_static(program: &Path) -> bool {
    fs::read(program).is_ok_and(|bytes| has_no_interpreter(&bytes))
}

fn has_no_interpreter(program: &[u8]) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_script_is_no_static_program() {
        assert!(!has_no_interpreter(b"#!/bin/sh"));
        assert!(!has_no_interpreter(b""));
    }

    #[test]
    fn what_a_compiler_needs_is_left_out_without_one() {
        let of_gcc = |name: &str| OF_GCC.iter().any(|one| name.starts_with(one));
        assert!(of_gcc("binutils-x86-64-linux-gnu") && of_gcc("gcc-12-base"));
        assert!(!of_gcc("libgcc-s1") && !of_gcc("libllvm22"));
    }
}
