//! How long a file may be, and how many entries `kernel/` may have: what one reads at a time.

use std::fs;
use std::path::Path;

use crate::sources::rust_files;
use crate::{PARTS, root};

const FILE_LINES: usize = 400;
/// The session only ties subjects together.
const SESSION_LINES: usize = 199;
const KERNEL_ENTRIES: usize = 14;
const README_WORDS: usize = 900;

/// The files that are longer than a limit, and how many there are in all.
fn longer(folders: &[&Path], most: usize) -> (Vec<String>, usize) {
    let files: Vec<_> = folders
        .iter()
        .flat_map(|folder| rust_files(folder))
        .collect();
    let mut wrong = Vec::new();
    for file in &files {
        let lines = fs::read_to_string(file).unwrap().lines().count();
        if lines > most {
            wrong.push(format!("{} has {lines} lines", file.display()));
        }
    }
    (wrong, files.len())
}

#[test]
fn no_file_is_longer_than_anyone_reads() {
    let parts = PARTS.map(|part| root().join(part));
    let (wrong, seen) = longer(&parts.each_ref().map(AsRef::as_ref), FILE_LINES);
    assert!(seen > 500, "{seen} files were found");
    assert!(wrong.is_empty(), "more than {FILE_LINES} lines: {wrong:#?}");
}

#[test]
fn the_session_stays_a_loop() {
    let session = root().join("memcg-trace/src/kernel/session");
    let (wrong, seen) = longer(&[&session], SESSION_LINES);
    assert!(seen > 1, "{seen} files were found");
    assert!(
        wrong.is_empty(),
        "more than {SESSION_LINES} lines: {wrong:#?}"
    );
}

#[test]
fn the_kernel_folder_can_be_looked_over() {
    let kernel = root().join("memcg-trace/src/kernel");
    let entries = fs::read_dir(kernel).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert!(
        names.len() <= KERNEL_ENTRIES,
        "more than {KERNEL_ENTRIES} entries: {names:?}"
    );
}

#[test]
fn the_readme_is_a_page() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let words = text.split_whitespace().count();
    assert!(
        words <= README_WORDS,
        "README.md has {words} words, more than {README_WORDS}"
    );
}
