//! The order of folders in ARCHITECTURE.md and of files within them, read from the imports in the
//! sources, and the length of each file.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod imports;
mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use imports::{imports, reachable};
use sources::{Module, Source, rust_files, sources};

/// The most lines of a file.
const MAX_LINES: usize = 400;

/// The crates, by their folders.
const PARTS: [&str; 4] = [
    "memcg-trace",
    "memcg-trace-common",
    "memcg-trace-ebpf",
    "xtask",
];

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
    let (order, sources) = (order(), sources("memcg-trace"));
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (module, others) in imports(&sources) {
        let Some(own) = place(module, &order) else {
            continue;
        };
        for other in others {
            seen += 1;
            if place(other, &order).is_some_and(|place| place < own) {
                wrong.push(format!("{} imports {}", module.join("/"), other.join("/")));
            }
        }
    }
    assert!(seen > 500, "{seen} imports were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Imports that are part of a circle.
fn circles(sources: &BTreeMap<Module, Source>) -> Vec<String> {
    let imports = imports(sources);
    let reachable: BTreeMap<_, _> = imports
        .keys()
        .map(|module| (*module, reachable(module, &imports)))
        .collect();
    let mut found = Vec::new();
    for (module, others) in &imports {
        for other in others {
            if reachable[*other].contains(module) {
                let (file, other) = (&sources[*module].file, &sources[*other].file);
                found.push(format!("{file} imports {other}"));
            }
        }
    }
    found
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for part in PARTS {
        let sources = sources(part);
        assert!(sources.len() > 5, "{part} has {} files", sources.len());
        let wrong = circles(&sources);
        assert!(
            wrong.is_empty(),
            "{part} has imports in a circle: {wrong:#?}"
        );
    }
}

#[test]
fn a_circle_by_way_of_a_door_is_found() {
    let source = |file: &str, text: &str| {
        let module = file.split('/').filter(|part| *part != "mod");
        let module: Module = module.map(str::to_owned).collect();
        (module, Source::new(file.to_owned(), text))
    };
    let of = |parts: &str| {
        BTreeMap::from([
            source("door/mod", "mod a;\nmod b;\npub use a::A;\npub use b::B;\n"),
            source("door/a", "use super::B;\nstruct A(B);\n"),
            source("door/b", parts),
            source("c", "use crate::door;\nfn c() { door::A::new() }\n"),
        ])
    };
    assert_eq!(circles(&of("struct B;\n")), [""; 0]);
    let own = ["door/a imports door/b", "door/b imports door/a"];
    assert_eq!(circles(&of("use super::A;\n")), own);
    assert_eq!(circles(&of("fn b() -> crate::door::A {}\n")), own);
    let three = circles(&of("fn b() { crate::c::c() }\n"));
    assert_eq!(three.len(), 3, "{three:?}");
}

#[test]
fn no_file_is_longer_than_anyone_reads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = PARTS.iter().flat_map(|part| rust_files(&root.join(part)));
    let mut seen = 0;
    let mut wrong = Vec::new();
    for file in files {
        seen += 1;
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{} has {lines} lines", file.display()));
        }
    }
    assert!(seen > 500, "{seen} files were found");
    assert!(wrong.is_empty(), "more than {MAX_LINES} lines: {wrong:#?}");
}

#[test]
fn paths_are_read_out_of_nested_imports() {
    let text = "use crate::a::{self, b::{C, d as e}, F};\npub(super) use g::H;\n\
                pub(in crate::i) fn f(x: j::K<L>) -> H { super::m::n(e::o::<P>()) }\n";
    let source = Source::new(String::new(), text);
    let found: Vec<String> = source.paths().iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::a",
        "crate::a::b::C",
        "crate::a::b::d",
        "crate::a::F",
        "j::K",
        "g::H",
        "super::m::n",
        "crate::a::b::d::o",
    ];
    assert_eq!(found, expected);
}
