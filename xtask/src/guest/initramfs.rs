//! Content of a guest: busybox, our init, memcg-trace, and the requested files and modules.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context, Result};
use memcg_trace_guest::{SETTINGS, Settings};

use super::build::Binaries;
use super::cpio::Archive;
use super::modules;
use super::spec::Spec;
use crate::setup::tools;

/// Writes the first file system of the guest to `path`.
pub fn write(path: &Path, spec: &Spec, binaries: &Binaries) -> Result<()> {
    let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    let mut archive = Archive::new(BufWriter::new(file));
    for folder in [
        "/bin", "/dev", "/etc", "/lib", "/proc", "/root", "/run", "/sys", "/tmp",
    ] {
        archive.directory(folder)?;
    }
    // Without this device init would start without standard streams, since /dev is not mounted yet.
    archive.device("/dev/console", (5, 1))?;
    archive.device("/dev/null", (1, 3))?;

    let busybox = tools::BUSYBOX.find();
    let busybox = busybox.context("no static busybox: run `cargo xtask setup`")?;
    archive.file("/init", &read(&binaries.init)?)?;
    archive.file("/bin/busybox", &read(&busybox)?)?;
    archive.file("/bin/demo", &read(&binaries.demo)?)?;
    if let Some(memcg_trace) = &binaries.memcg_trace {
        archive.file("/bin/memcg-trace", &read(memcg_trace)?)?;
    }
    for copy in &spec.copies {
        let name = copy
            .file_name()
            .with_context(|| format!("--copy {}", copy.display()))?;
        let name = name
            .to_str()
            .context("--copy: the file's name is not UTF-8")?;
        archive.file(&format!("/bin/{name}"), &read(copy)?)?;
    }

    let mut settings = Settings {
        command: spec.command.clone(),
        modules: Vec::new(),
        cgroup: spec.cgroup,
        boots_disk: spec.boots_disk,
        stays: spec.dump.is_some(),
        terminal: spec.terminal.clone(),
    };
    for module in modules::resolve(&spec.modules, spec.kernel.modules.as_deref())? {
        let path = format!("/lib/{}.ko", module.name);
        archive.file(&path, &module.content)?;
        settings.modules.push(path);
    }
    archive.file(SETTINGS, &settings.encode())?;
    archive
        .finish()
        .with_context(|| format!("write {}", path.display()))?;
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}
