//! Source files that documents and comments name: each exists.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go further says where"
)]

mod tree;

use std::fs;
use std::path::PathBuf;

/// Names of source files in a text. Sources also have those of other projects, and name their own
/// with the crate.
fn named(file: &str, text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    let words = text.split(|c| !is_part(c));
    let words = words.filter(|word| {
        word.strip_suffix(".rs")
            .is_some_and(|stem| !stem.is_empty())
    });
    let is_ours = |word: &&str| {
        let has_crate = word.starts_with("memcg-trace") || word.starts_with("xtask/");
        file.ends_with(".md") || has_crate && word.contains('/')
    };
    words.filter(is_ours).map(str::to_owned).collect()
}

#[test]
fn each_exists() {
    let all = tree::files(&["rs", "md"], &["target", ".git"]);
    let relative = |path: &PathBuf| {
        let path = path.strip_prefix(tree::root()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let all: Vec<String> = all.iter().map(relative).collect();
    assert!(all.len() > 400, "{} files", all.len());
    let exists = |name: &String| {
        let ends_so = |file: &&String| {
            let rest = file.strip_suffix(name.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        };
        all.iter().any(|file| ends_so(&file))
    };
    let mut seen = 0;
    let mut missing = Vec::new();
    for file in &all {
        let text = fs::read_to_string(tree::root().join(file)).unwrap();
        for name in named(file, &text) {
            seen += 1;
            if !exists(&name) {
                missing.push(format!("{file}: {name}"));
            }
        }
    }
    assert!(seen > 50, "{seen} names");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_name_ends_where_its_path_ends() {
    let text = "(memcg-trace/src/model/tree/mod.rs: Tree), `aya/src/bpf.rs`";
    assert_eq!(named("a.rs", text), ["memcg-trace/src/model/tree/mod.rs"]);
    assert_eq!(named("a.md", text).len(), 2);
}
