//! Modules of a kernel's own package: their files, in the order of loading.
//!
//! Packages come without `modules.dep` (depmod makes it when they are installed), so the
//! dependencies are read from the modules themselves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use object::{Object, ObjectSection};

use crate::child;
use crate::setup::tools;

/// A module, unpacked.
pub struct Module {
    pub name: String,
    pub content: Vec<u8>,
}

/// The modules `names` with all their dependencies, each after its own dependencies. Built-in
/// modules are left out.
pub fn resolve(names: &[String], folder: Option<&Path>) -> Result<Vec<Module>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let folder = folder.context("there are no modules beside this kernel")?;
    let mut files = BTreeMap::new();
    find_files(&folder.join("kernel"), &mut files)?;
    let builtin = fs::read_to_string(folder.join("modules.builtin")).unwrap_or_default();
    let builtin: Vec<_> = builtin
        .lines()
        .filter_map(|line| module_name(Path::new(line)))
        .collect();
    let load = |name: &str| match files.get(name) {
        Some(file) => read(file).map(Some),
        None if builtin.iter().any(|module| module == name) => Ok(None),
        None => bail!("no module {name} in {}", folder.display()),
    };
    let mut order = Vec::new();
    for name in names {
        visit(&name.replace('-', "_"), &load, &mut order, 0)?;
    }
    Ok(order)
}

fn visit(
    name: &str,
    load: &impl Fn(&str) -> Result<Option<Vec<u8>>>,
    order: &mut Vec<Module>,
    depth: usize,
) -> Result<()> {
    ensure!(depth < 32, "module {name} depends on itself");
    if order.iter().any(|module| module.name == name) {
        return Ok(());
    }
    let Some(content) = load(name)? else {
        return Ok(());
    };
    let needs = depends(&content).with_context(|| format!("module {name}"))?;
    for needed in needs {
        visit(&needed, load, order, depth + 1).with_context(|| format!("needed by {name}"))?;
    }
    order.push(Module {
        name: name.to_owned(),
        content,
    });
    Ok(())
}

fn find_files(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let entries = folder
        .read_dir()
        .with_context(|| format!("list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            find_files(&path, files)?;
        } else if let Some(name) = module_name(&path) {
            files.insert(name, path);
        }
    }
    Ok(())
}

/// `a_b` for `…/a-b.ko` and `…/a-b.ko.xz`: names in the kernel have no hyphens.
fn module_name(path: &Path) -> Option<String> {
    let (name, _) = path.file_name()?.to_str()?.split_once(".ko")?;
    Some(name.replace('-', "_"))
}

/// Reads a module, decompressed, since not all kernels can decompress modules.
fn read(file: &Path) -> Result<Vec<u8>> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("ko") => fs::read(file).with_context(|| format!("read {}", file.display())),
        Some("xz") => child::read_bytes(
            tools::XZ
                .command()?
                .args(["--decompress", "--stdout"])
                .arg(file),
        ),
        _ => bail!(
            "{} is compressed in a way that is not known here",
            file.display()
        ),
    }
}

/// The `depends=a,b` of a module's `.modinfo`.
fn depends(module: &[u8]) -> Result<Vec<String>> {
    let file = object::File::parse(module).context("not an ELF file")?;
    let section = file.section_by_name(".modinfo").context("no .modinfo")?;
    Ok(depends_in_modinfo(section.data()?))
}

fn depends_in_modinfo(modinfo: &[u8]) -> Vec<String> {
    modinfo
        .split(|byte| *byte == 0)
        .filter_map(|record| record.strip_prefix(b"depends="))
        .flat_map(|names| names.split(|byte| *byte == b','))
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).replace('-', "_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modinfo() {
        let modinfo = b"license=GPL\0xdepends=no\0depends=virtio,dm-mod\0\0intree=Y\0";
        assert_eq!(depends_in_modinfo(modinfo), ["virtio", "dm_mod"]);
        assert_eq!(depends_in_modinfo(b"depends=\0name=loop\0"), [""; 0]);
    }

    #[test]
    fn names() {
        assert_eq!(
            module_name(Path::new("kernel/a/dm-mod.ko.xz")).as_deref(),
            Some("dm_mod")
        );
        assert_eq!(
            module_name(Path::new("kernel/a/loop.ko")).as_deref(),
            Some("loop")
        );
        assert_eq!(module_name(Path::new("modules.order")), None);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("kernel")).unwrap();
        fs::write(
            folder.path().join("modules.builtin"),
            "kernel/drivers/virtio/virtio-pci.ko\n",
        )
        .unwrap();
        let resolve = |name: &str| resolve(&[name.into()], Some(folder.path()));
        assert!(resolve("virtio_pci").unwrap().is_empty());
        assert!(
            resolve("loop")
                .err()
                .unwrap()
                .to_string()
                .contains("no module loop")
        );
    }
}
