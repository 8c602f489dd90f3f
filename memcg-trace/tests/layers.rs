//! The order of folders in ARCHITECTURE.md, read from the imports in the sources.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module, such as `["kernel", "pins"]`.
type Module = Vec<String>;

/// Modules that each module imports from.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = BTreeMap::new();
    collect(&root, &Vec::new(), &mut sources);
    let modules: BTreeSet<Module> = sources.keys().cloned().collect();
    let of = |(module, text): (&Module, &String)| {
        let paths = paths(text)
            .into_iter()
            .filter_map(|path| absolute(module, &path));
        let mut found: BTreeSet<Module> = paths.filter_map(|path| owner(&path, &modules)).collect();
        found.remove(module);
        (module.clone(), found)
    };
    sources.iter().map(of).collect()
}

fn collect(folder: &Path, module: &Module, sources: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut inner = module.clone();
        if path.is_dir() {
            inner.push(stem);
            collect(&path, &inner, sources);
            continue;
        }
        if !matches!(stem.as_str(), "mod" | "lib") {
            inner.push(stem);
        }
        sources.insert(inner, code(&fs::read_to_string(&path).unwrap()));
    }
}

/// The text without comments and without its tests, which come last.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    let lines = lines.take_while(|line| line.trim() != "#[cfg(test)]");
    lines.collect::<Vec<_>>().join("\n")
}

/// All paths that begin with `crate` or `super`, those of nested imports one by one.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for begin in ["crate::", "super::"] {
        for (at, _) in text.match_indices(begin) {
            let before = text[..at].chars().next_back();
            if before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':') {
                expand(&mut Vec::new(), &text[at..], &mut found);
            }
        }
    }
    found
}

/// Reads one path or one tree of imports, and returns the text behind it.
fn expand<'a>(prefix: &mut Vec<String>, text: &'a str, found: &mut Vec<Vec<String>>) -> &'a str {
    let kept = prefix.len();
    let mut rest = text.trim_start();
    loop {
        if let Some(mut inner) = rest.strip_prefix('{') {
            loop {
                inner = inner.trim_start().trim_start_matches(',').trim_start();
                match inner.strip_prefix('}') {
                    Some(behind) => rest = behind,
                    None if inner.is_empty() => rest = inner,
                    None => {
                        let behind = expand(prefix, inner, found);
                        if behind.len() < inner.len() {
                            inner = behind;
                            continue;
                        }
                        rest = behind;
                    }
                }
                break;
            }
            break;
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (name, behind) = rest.split_at(end.unwrap_or(rest.len()));
        if name.is_empty() {
            rest = behind;
            break;
        }
        prefix.push(name.to_owned());
        match behind.strip_prefix("::") {
            Some(behind) => rest = behind,
            None => {
                found.push(prefix.clone());
                rest = behind;
                break;
            }
        }
    }
    prefix.truncate(kept);
    rest
}

fn absolute(module: &Module, path: &[String]) -> Option<Module> {
    if path[0] == "crate" {
        return Some(path[1..].to_vec());
    }
    let up = path.iter().take_while(|part| *part == "super").count();
    let base = module.get(..module.len().checked_sub(up)?)?;
    Some([base, &path[up..]].concat())
}

/// The module that contains the item a path names.
fn owner(path: &[String], modules: &BTreeSet<Module>) -> Option<Module> {
    let lengths = (0..=path.len()).rev();
    lengths
        .map(|length| path[..length].to_vec())
        .find(|module| modules.contains(module))
}

/// Folders as ARCHITECTURE.md lists them, the highest first.
fn order() -> Vec<String> {
    let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let text = fs::read_to_string(map).unwrap();
    let list = text.split("### Order").nth(1).unwrap();
    let list = list.split("```").nth(1).unwrap();
    list.split_whitespace().map(str::to_owned).collect()
}

/// The index of a module in the list. The root and `main` have none: they only tie modules
/// together.
fn place(module: &Module, order: &[String]) -> Option<usize> {
    let whole = module.join("/");
    let is_in = |folder: &&String| whole == **folder || whole.starts_with(&format!("{folder}/"));
    let folder = order.iter().filter(is_in).max_by_key(|folder| folder.len());
    let place = folder.map(|folder| order.iter().position(|one| one == folder).unwrap());
    let is_root = module.is_empty() || whole == "main";
    assert!(
        place.is_some() || is_root,
        "{whole} is in no folder of ARCHITECTURE.md"
    );
    place
}

#[test]
fn a_folder_imports_only_from_those_below_it() {
    let order = order();
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (module, others) in imports() {
        let Some(own) = place(&module, &order) else {
            continue;
        };
        for other in others {
            seen += 1;
            if place(&other, &order).is_some_and(|place| place < own) {
                wrong.push(format!("{} imports {}", module.join("/"), other.join("/")));
            }
        }
    }
    assert!(seen > 500, "{seen} imports were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn paths_are_read_out_of_nested_imports() {
    let text = "use crate::a::{self, b::{C, d}, E};\nfn f() { super::g::h() }";
    let found = paths(&code(text));
    let found: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::a::self",
        "crate::a::b::C",
        "crate::a::b::d",
        "crate::a::E",
        "super::g::h",
    ];
    assert_eq!(found, expected);
}
