//! The files that packages have beside the binary: those that it prints itself, and lists of what is
//! in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::crates::Crate;
use super::{binary, licences, sbom};
use crate::child;

/// Shells, and the names of the files in which they look for completions.
pub const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "memcg-trace"),
    ("zsh", "_memcg-trace"),
    ("fish", "memcg-trace.fish"),
];

/// Makes the files below the folder of the binary, where both packagers look for them.
pub fn make(binary: &Path, crates: &[Crate]) -> Result<PathBuf> {
    let folder = binary::folder()?.join("files");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("remove the files of before")?;
    }
    for sub in [
        "man",
        "completions/bash",
        "completions/zsh",
        "completions/fish",
    ] {
        fs::create_dir_all(folder.join(sub)).with_context(|| format!("create {sub}"))?;
    }
    for (name, page) in pages(binary)? {
        fs::write(folder.join("man").join(name), page).context("write a page")?;
    }
    // As Debian's policy asks for, without a time in the header.
    let mut gzip = Command::new("gzip");
    gzip.args(["-9n", "--recursive"]).arg(folder.join("man"));
    child::run(&mut gzip).context("compress the manual")?;
    for (shell, name) in COMPLETIONS {
        let script = prints(binary, &["completions", shell])?;
        fs::write(folder.join("completions").join(shell).join(name), script)?;
    }
    let libc = child::read(Command::new("getconf").arg("GNU_LIBC_VERSION"))?;
    let compiler = child::read(Command::new("rustc").arg("--version"))?;
    let document = sbom::document(crates, libc.trim(), &compiler);
    let document = serde_json::to_string_pretty(&document)? + "\n";
    fs::write(folder.join("sbom.cdx.json"), document)?;
    let text = licences::text(crates, libc.trim())?;
    fs::write(folder.join("THIRD-PARTY-LICENCES"), text)?;
    Ok(folder)
}

/// The pages of the manual: of the program, and of each verb that this names.
pub fn pages(binary: &Path) -> Result<Vec<(String, String)>> {
    let main = prints(binary, &["man"])?;
    let verbs = main.lines().filter_map(|line| {
        let name = line.replace('\\', "");
        Some(
            name.strip_prefix("memcg-trace-")?
                .strip_suffix("(1)")?
                .to_owned(),
        )
    });
    let mut pages = vec![("memcg-trace.1".to_owned(), main.clone())];
    for verb in verbs.filter(|verb| verb != "help") {
        pages.push((
            format!("memcg-trace-{verb}.1"),
            prints(binary, &["man", &verb])?,
        ));
    }
    ensure!(pages.len() > 10, "only {} pages of the manual", pages.len());
    Ok(pages)
}

/// What the program prints, whatever this machine has set for it.
pub fn prints(binary: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(binary);
    command.env_clear().env("MEMCG_TRACE_CONFIG", "/dev/null");
    child::read(command.args(arguments))
}
