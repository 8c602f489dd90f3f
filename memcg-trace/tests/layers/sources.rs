//! The files of a crate, and the paths that each names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module, such as `["kernel", "pins"]`.
pub type Module = Vec<String>;

/// A path and the name under which it is imported.
type Import = (Vec<String>, String);

/// A file of a crate.
pub struct Source {
    pub file: String,
    /// Its code without imports.
    body: String,
    uses: Vec<Import>,
    /// `pub use`: not an import of this file, but of those who name what it re-exports.
    pub reexports: BTreeMap<String, Vec<String>>,
}

impl Source {
    pub fn new(file: String, text: &str) -> Self {
        let mut rest = &*code(text);
        let mut source = Self {
            file,
            body: String::new(),
            uses: Vec::new(),
            reexports: BTreeMap::new(),
        };
        while let Some((line, behind)) = rest.split_once('\n') {
            let statement = line.trim_start();
            let is_public = statement.starts_with("pub use ");
            let Some(tree) = statement.trim_start_matches("pub ").strip_prefix("use ") else {
                source.body.push_str(line);
                source.body.push('\n');
                rest = behind;
                continue;
            };
            let tree = &rest[rest.len() - behind.len() - 1 - tree.len()..];
            let (tree, behind) = tree.split_once(';').unwrap();
            let mut found = Vec::new();
            expand(&mut Vec::new(), tree, &mut found);
            if is_public {
                let names = found.into_iter().map(|(path, name)| (name, path));
                source.reexports.extend(names);
            } else {
                source.uses.extend(found);
            }
            rest = behind;
        }
        source
    }

    /// All paths that the file names: those of imports, and those in its code, in which the name of
    /// an import stands for its path.
    pub fn paths(&self) -> Vec<Vec<String>> {
        let mut paths: Vec<_> = self.uses.iter().map(|(path, _)| path.clone()).collect();
        let imported: BTreeMap<_, _> = self.uses.iter().map(|(path, name)| (name, path)).collect();
        for (before, word, behind) in words(&self.body) {
            let is_path = behind.starts_with("::");
            if before.ends_with("::") {
                continue;
            }
            // A file that names a type that it re-exports imports it as well.
            let reexport = self.reexports.get(word);
            if let Some(path) = reexport.filter(|_| word.starts_with(char::is_uppercase)) {
                paths.push(path.clone());
            } else if is_path {
                let mut found = Vec::new();
                let at = self.body.len() - behind.len() - word.len();
                expand(&mut Vec::new(), &self.body[at..], &mut found);
                let path = &found[0].0;
                let head = imported.get(&path[0]).map_or(&path[..1], |path| &path[..]);
                paths.push([head, &path[1..]].concat());
            }
        }
        paths
    }
}

/// The words of a text, with what stands before and behind each.
fn words(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let begin = at + text[at..].find(is_word)?;
        let length = text[begin..].find(|c| !is_word(c));
        at = length.map_or(text.len(), |length| begin + length);
        Some((&text[..begin], &text[begin..at], &text[at..]))
    })
}

/// Reads one path or one tree of imports, and returns the text behind it.
fn expand<'a>(prefix: &mut Vec<String>, text: &'a str, found: &mut Vec<Import>) -> &'a str {
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
        let Some(("", name, behind)) = words(rest).next() else {
            // A glob, or generic arguments.
            found.push((prefix.clone(), String::new()));
            rest = rest.strip_prefix('*').unwrap_or(rest);
            break;
        };
        if name != "self" || prefix.is_empty() {
            prefix.push(name.to_owned());
        }
        if let Some(behind) = behind.strip_prefix("::") {
            rest = behind;
            continue;
        }
        let alias = behind.strip_prefix(" as ").and_then(|it| words(it).next());
        let (_, name, behind) = alias.unwrap_or(("", prefix.last().unwrap(), behind));
        found.push((prefix.clone(), name.to_owned()));
        rest = behind;
        break;
    }
    prefix.truncate(kept);
    rest
}

/// The text without comments, without the places to which an item is public, and without its tests,
/// which come last.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    let lines = lines.take_while(|line| line.trim() != "#[cfg(test)]");
    let mut code = String::new();
    for line in lines {
        match line.split_once("pub(") {
            Some((before, behind)) => {
                let (_, behind) = behind.split_once(')').unwrap();
                code.extend([before, "pub", behind, "\n"]);
            }
            None => code.extend([line, "\n"]),
        }
    }
    code
}

/// The folders below one that are the root of a crate.
pub fn crates(folder: &Path) -> Vec<PathBuf> {
    let files = rust_files(folder).into_iter();
    let roots = files.filter(|file| file.ends_with("lib.rs") || file.ends_with("main.rs"));
    // Beside a library, `main` is a crate of its own that only starts it.
    let folders: BTreeSet<_> = roots.map(|file| file.parent().unwrap().into()).collect();
    folders.into_iter().collect()
}

/// All files of the crate whose root is in a folder, by module.
pub fn sources(root: &Path) -> BTreeMap<Module, Source> {
    let root_module = match root.join("lib.rs").exists() {
        true => "lib",
        false => "main",
    };
    let inner = crates(root).into_iter().filter(|folder| folder != root);
    let inner: Vec<_> = inner.collect();
    let mut sources = BTreeMap::new();
    for path in rust_files(root) {
        if inner.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        let file = path.strip_prefix(root).unwrap();
        let module = file.with_extension("");
        let mut module: Module = module
            .iter()
            .map(|part| part.to_str().unwrap().to_owned())
            .collect();
        module.pop_if(|last| last == "mod" || last == root_module);
        let source = Source::new(
            file.to_str().unwrap().to_owned(),
            &fs::read_to_string(&path).unwrap(),
        );
        sources.insert(module, source);
    }
    sources
}

/// All Rust files in a folder.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
    found
}
