//! The licences of what is in the binary, in one file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::crates::Crate;

/// The beginnings of the names of files with a licence.
const FILES: &[&str] = &[
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];

/// Each crate with its licence, and each text once, with the crates that have it.
pub fn text(crates: &[Crate], libc: &str) -> Result<String> {
    let mut list = format!(
        "What is in the program memcg-trace beside its own code, with licences.\n\n\
         {libc} (the C library, linked statically): LGPL-2.1-or-later\n"
    );
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in crates.iter().filter(|one| !one.is_ours()) {
        let name = format!("{} {}", one.name, one.version);
        writeln!(list, "{name}: {}", one.licence)?;
        for text in texts_of(&one.folder)? {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    ensure!(texts.len() > 10, "only {} texts of licences", texts.len());
    for (text, names) in texts {
        let line = "-".repeat(78);
        write!(list, "\n{line}\n{}\n{line}\n\n{text}\n", names.join(", "))?;
    }
    Ok(list)
}

/// The texts in a folder and in the folders in it, which have the sources of C libraries.
fn texts_of(folder: &Path) -> Result<BTreeSet<String>> {
    let entries = |folder: &Path| -> Result<Vec<PathBuf>> {
        let entries = folder.read_dir()?.map(|entry| Ok(entry?.path()));
        entries.collect()
    };
    let mut files = entries(folder)?;
    for sub in files.clone().iter().filter(|path| path.is_dir()) {
        files.extend(entries(sub)?);
    }
    let is_licence = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_uppercase();
        path.is_file() && FILES.iter().any(|start| name.starts_with(start))
    };
    let texts = files.iter().filter(is_licence).map(|path| {
        let bytes = fs::read(path)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    });
    texts.collect()
}
